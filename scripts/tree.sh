# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# The private kernel tree: what lay-tree and refresh-hooks both know about it.
#
# TREE/.pristine/ holds what is needed to tell edits from the source:
#   source  the tarball, or the directory, that the tree was unpacked from
#   prefix  the tarball's top directory
#   files   the names of all its files; older than any edit
#   orig/   pristine copies of the files that hooks have touched
#   fixed/  of these, what fixes have changed, before the hooks
#   laid/   the same files as the hooks made them
#   hooked  their names
#   hooks   checksum of the fixes and hooks as laid
#   links   the new files as linked

# tree_of VERSION [stock]
tree_of()
{
	VERSION=$1
	STOCK=${2-}
	TREE=$BUILD/tree-$VERSION${STOCK:+-stock}
}

hooks()
{
	[ ! -d "$TOP/kernel/hooks/$VERSION" ] ||
		find "$TOP/kernel/hooks/$VERSION" -name '*.diff' | LC_ALL=C sort
}

# Mends of the source itself, in the order in which they apply; hooks come behind.
fixes()
{
	[ ! -d "$TOP/kernel/fixes/$VERSION" ] ||
		find "$TOP/kernel/fixes/$VERSION" -name '*.diff' | LC_ALL=C sort
}

cat_hooks()
{
	hooks | xargs -r -d '\n' cat
}

cat_fixes()
{
	fixes | xargs -r -d '\n' cat
}

# The files that a diff edits.
edited()
{
	sed -nE 's,^\+\+\+ b/([^[:space:]]+).*,\1,p' | LC_ALL=C sort -u
}

# The existing kernel files that the fixes and hooks edit.
hooked_files()
{
	{ cat_fixes; cat_hooks; } | edited
}

# "REPOSITORY-PATH KERNEL-PATH" of each new file. tools/perf/Makefile is none: a
# kernel tree has its own. Nor is what builds in the tool's directory leave.
new_files()
{
	local file
	(cd "$TOP" && find kernel tests/selftests Documentation/trace Documentation/tools \
		tools/perf/scripts tests/perf/shell tools/tracing/uprobe-slots \
		\( -path tools/tracing/uprobe-slots/obj -o -path tools/tracing/uprobe-slots/man \
		-o -path tools/tracing/uprobe-slots/uprobe-slots -o -name __pycache__ \) -prune -o \
		-type f \( -name '[A-Za-z_]*' -o -name .gitignore \) \
		! -path 'kernel/hooks/*' ! -path 'kernel/series/*' \
		! -name '*~' ! -name '*.orig' ! -name '*.rej' ! -name '*.o' -print | LC_ALL=C sort) |
	while read -r file; do
		case $file in
		kernel/arch/*) echo "$file ${file#kernel/}" ;;
		tests/perf/shell/*) echo "$file tools/perf/tests/${file#tests/perf/}" ;;
		tests/*) echo "$file tools/testing/${file#tests/}" ;;
		*) echo "$file $file" ;;
		esac
	done
}

hooks_stamp()
{
	{ { fixes; hooks; } | sed 's,.*/,,'; cat_fixes; cat_hooks; } | sha256sum
}

# Someone may have removed a hooked file to drop its edits.
none_missing()
{
	local file
	while read -r file; do
		[ -e "$TREE/$file" ] || return 1
	done <"$TREE/.pristine/hooked"
}

# unpack TARBALL|DIRECTORY: makes a whole tree or none. Relies on set -e, as all here does.
unpack()
{
	local part=$TREE.part
	rm -rf "$part"
	mkdir -p "$part/.pristine"
	if [ -d "$1" ]; then
		[ ! -e "$1/.config" ] || die "$1 has been built in: run 'make mrproper' there first"
		tar -C "$1" --exclude=./.git --exclude=./.pristine -c . | tar -C "$part" -x
	else
		# Large, and read by nothing that is built here.
		tar -C "$part" --strip-components=1 -xf "$1" \
			--exclude='*/drivers/gpu/drm/amd/include/asic_reg' \
			--exclude='*/Documentation/translations'
		# Reading the first name only makes tar complain, rightly.
		{ tar -tf "$1" 2>/dev/null || true; } | head -n 1 | cut -d/ -f1 >"$part/.pristine/prefix"
	fi
	echo "$1" >"$part/.pristine/source"
	(cd "$part" && find . -type f ! -path './.pristine/*' -printf '%P\n' | LC_ALL=C sort) \
		>"$part/.pristine/names"
	mv "$part/.pristine/names" "$part/.pristine/files"
	rm -rf "$TREE"
	mv "$part" "$TREE"
}

# pristine FILE: prints a file as the source has it.
pristine()
{
	local source
	if [ -e "$TREE/.pristine/orig/$1" ]; then
		cat "$TREE/.pristine/orig/$1"
		return
	fi
	source=$(cat "$TREE/.pristine/source")
	if [ -d "$source" ]; then
		cat "$source/$1"
	elif [ "$TREE/$1" -ot "$TREE/.pristine/files" ]; then
		cat "$TREE/$1"
	else
		tar -xO -f "$source" "$(cat "$TREE/.pristine/prefix")/$1"
	fi
}

# keep_pristine FILE: puts a copy where lay-tree and refresh-hooks find it.
keep_pristine()
{
	local copy=$TREE/.pristine/orig/$1
	[ ! -e "$copy" ] || return 0
	grep -qxF "$1" "$TREE/.pristine/files" ||
		die "a hook edits $1, which $VERSION does not have: new files belong below kernel/"
	mkdir -p "${copy%/*}"
	pristine "$1" >"$copy.part"
	mv "$copy.part" "$copy"
}

# Links, and not copies: an edit in the tree is an edit in the repository.
link_new_files()
{
	local file path list
	list=$(echo "$TOP"; new_files)
	[ "$list" != "$(cat "$TREE/.pristine/links" 2>/dev/null)" ] || return 0
	# Links to files that are gone.
	find "$TREE"/{kernel,arch,tools/testing/selftests,tools/perf,tools/tracing,Documentation} \
		-xtype l -lname '/*' -delete
	new_files | while read -r file path; do
		[ "$(readlink "$TREE/$path" || true)" != "$TOP/$file" ] || continue
		if grep -qxF "$path" "$TREE/.pristine/files"; then
			die "$file would hide $path of $VERSION: an edit of it belongs in kernel/hooks"
		fi
		mkdir -p "$(dirname "$TREE/$path")"
		ln -sfn "$TOP/$file" "$TREE/$path"
	done
	printf '%s\n' "$list" >"$TREE/.pristine/links"
	note "linked $(new_files | wc -l) new files into ${TREE#"$TOP"/}"
}
