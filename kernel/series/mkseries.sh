#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# mkseries.sh [-b] VERSION: makes build/series-VERSION/*.patch of build/tree-VERSION,
# for `git am` in a kernel tree of that version. With -b, also builds what each
# of its commits touches, for x86-64 and arm64, and the tool.
#
# First come the mends of the source itself: each ../fixes/VERSION/NN-name.diff is
# one commit, ../fixes/NN-name its message.
#
# Each file NN-name here is one commit: its message, a line "---", and what it
# takes, as paths or patterns of the kernel tree, each file as a whole.
set -euo pipefail
shopt -s nullglob
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/../../scripts/lib.sh"
# shellcheck source=scripts/tree.sh
. "$TOP/scripts/tree.sh"

build=''
[ "${1-}" != -b ] || { build=1; shift; }
tree_of "${1-7.3}"
stock=$BUILD/tree-$VERSION-stock
out=$BUILD/series-$VERSION
# Named as scripts/build-kernel names them: then ccache knows what a commit does
# not touch.
work=$out/tree-$VERSION
commits=("$TOP"/kernel/series/[0-9][0-9]-*)

# Who signs it off is who made the checkout's commits.
name=$(git -C "$TOP" config user.name) && email=$(git -C "$TOP" config user.email) ||
	die "git config user.name and user.email say who signs the series off"

git_work()
{
	git -C "$work" -c user.name="$name" -c user.email="$email" \
		-c commit.gpgSign=false -c core.autocrlf=false -c core.hooksPath=/dev/null "$@"
}

# Paths that the tree has and the source with the fixes has not, or has otherwise.
changed()
{
	{ cat_hooks | edited; new_files | cut -d' ' -f2; } | LC_ALL=C sort
}

# taken COMMIT: the paths that it takes.
taken()
{
	local pattern
	sed '1,/^---$/d' "$1" | while read -r pattern; do
		(
			cd "$TREE"
			# shellcheck disable=SC2086
			set -- $pattern
			[ $# -gt 0 ] && [ -e "$1" ] || die "$1: there is no $pattern in the tree"
			printf '%s\n' "$@"
		)
	done
}

# Every change is in one commit, and in one only.
check_taken()
{
	local commit
	diff -u --label 'what the tree has' --label 'what the series takes' <(changed) <(
		for commit in "${commits[@]}"; do
			taken "$commit"
		done | LC_ALL=C sort) || die "kernel/series does not match the tree"
}

# A repository of nothing but what hooks edit: a full one would take minutes.
# The rest of the source lies around it, as links to the stock tree's files.
new_work()
{
	rm -rf "$work"
	cp -al "$stock" "$work"
	rm -rf "$work/.pristine" "$work/.git"
	git -C "$work" init -q -b series
	hooked_files | (cd "$work" && xargs -d '\n' git add -f --)
	git_work commit -q -m "Linux $VERSION"
}

commit_fixes()
{
	local fix
	fixes | while read -r fix; do
		patch -p1 -s --fuzz=0 --no-backup-if-mismatch -d "$work" <"$fix"
		git_work commit -q -a -s -F "$TOP/kernel/fixes/$(basename "$fix" .diff)"
	done
}

make_patches()
{
	local commit path
	new_work
	commit_fixes
	for commit in "${commits[@]}"; do
		taken "$commit" >"$out/paths"
		while read -r path; do
			mkdir -p "$(dirname "$work/$path")"
			# Not into a file that the stock tree has a link to.
			cp -L --remove-destination --preserve=mode "$TREE/$path" "$work/$path"
		done <"$out/paths"
		xargs -d '\n' git -C "$work" add -f -- <"$out/paths"
		sed '/^---$/,$d' "$commit" | git_work commit -q -s -F -
	done
	git_work format-patch -q -o "$out" ":/^Linux $VERSION"
	rm "$out/paths"
}

# For the machine that builds it, whatever the kernel is for.
build_tool()
{
	[ -e "$work/tools/tracing/uprobe-slots" ] || return 0
	mkdir -p "$objects/tools"
	nice make -C "$work/tools/tracing" O="$objects/tools" CC="${cc:+$cc }gcc" uprobe-slots
}

# A warning is an error here.
build_commit()
{
	local arch=$1 number=$2 log=$LOGS/series-$VERSION-$1-$2.log objects=$out/linux-$VERSION-$1
	local cross='' targets="kernel/events/ kernel/fork.o kernel/trace/"
	case $arch in
	x86_64) targets+=" arch/x86/kernel/" ;;
	arm64) targets+=" arch/arm64/kernel/" cross=aarch64-linux-gnu- ;;
	esac
	mkdir -p "$objects" "$LOGS"
	cat "$TOP"/tests/vm/{base,$arch,slots}.config >"$objects/fragments"
	# shellcheck disable=SC2086
	{
		make=(nice make -C "$work" O="$objects" ARCH="$arch" CROSS_COMPILE="$cross"
			CC="${cc:+$cc }${cross}gcc" HOSTCC="${cc:+$cc }gcc"
			KCPPFLAGS="-fmacro-prefix-map=../${work##*/}/=")
		"${make[@]}" KCONFIG_ALLCONFIG="$objects/fragments" allnoconfig &&
		"${make[@]}" -j"$(nproc)" $targets && build_tool
	} >"$log" 2>&1 </dev/null || { tail -n 30 "$log"; die "$arch, commit $number does not build"; }
	! grep -E '^[^ ]+:[0-9]+:.*warning:' "$log" || die "$arch, commit $number builds with warnings"
}

# Applies the patches one by one to the stock tree; the end is the tree.
apply()
{
	local patch number=0 arch cc=''
	! command -v ccache >/dev/null || cc=ccache
	export CCACHE_BASEDIR=$out CCACHE_NOHASHDIR=1 LC_ALL=C
	unset LANG LC_CTYPE LC_MESSAGES
	new_work
	for patch in "$out"/*.patch; do
		number=$((number + 1))
		git_work am -q "$patch"
		[ -z "$build" ] || for arch in x86_64 arm64; do
			note "building ${patch##*/} for $arch"
			build_commit $arch $number
		done
	done
	diff -rq -x .git -x .pristine "$TREE" "$work" || die "the series does not end in ${TREE#"$TOP"/}"
}

# What a maintainer's first look is. New files of the kernel are checked with all
# types by `make lint`; here these are left out:
#   FILE_PATH_CHANGES	the entry of MAINTAINERS comes with the documentation
#   UNKNOWN_COMMIT_ID	what is checked in has no history
#   AVOID_EXTERNS, PARENTHESIS_ALIGNMENT	lines that were so before the edit
#   ENOSYS, ENOTSUPP	what uprobes.c of x86 returns in such cases
# and in the selftests and the tools, which are programs for user space, what asks
# for names that only the kernel has, or is about the kernel's own code; the
# tool's messages are whole lines, so that they can be found; and a shell test of
# perf has its description before its licence.
check_style()
{
	local patch status=0 ignore kernel=FILE_PATH_CHANGES,AVOID_EXTERNS,PARENTHESIS_ALIGNMENT
	kernel+=,ENOSYS,ENOTSUPP,UNKNOWN_COMMIT_ID
	local user=PREFER_DEFINED_ATTRIBUTE_MACRO,VOLATILE,ENOSYS,CAMELCASE,EMBEDDED_FUNCTION_NAME
	user+=,STATIC_CONST_CHAR_ARRAY,MACRO_ARG_REUSE,LINE_SPACING,MULTIPLE_ASSIGNMENTS
	user+=,EXECUTE_PERMISSIONS,STRCPY
	local tools=$user,LONG_LINE_STRING,COMPLEX_MACRO,SYMBOLIC_PERMS
	for patch in "$out"/*.patch; do
		ignore=$kernel
		case $patch in
		*-selftests-*) ignore+=,$user ;;
		*-perf-test-*) ignore+=,SPDX_LICENSE_TAG ;;
		*-tools-tracing-*) ignore+=,$tools ;;
		esac
		"$TREE/scripts/checkpatch.pl" --strict --no-tree --root="$TREE" --quiet --terse \
			--show-types --ignore "$ignore" "$patch" || status=1
	done
	return $status
}

"$TOP/scripts/lay-tree" "$VERSION"
"$TOP/scripts/lay-tree" "$VERSION" stock
mkdir -p "$out"
rm -f "$out"/*.patch
check_taken
make_patches
apply
check_style || die "checkpatch found something"
note "$(fixes | wc -l) + ${#commits[@]} patches in ${out#"$TOP"/}, which end in ${TREE#"$TOP"/}"
