#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# the build, what is installed, the man pages, the completions
# shellcheck source=tests/cli/engine.sh
. "$ENGINE"
test_begin
source_dir=$ROOT/tools/tracing/uprobe-slots
pages=$ROOT/Documentation/tools/uprobe-slots
unset MAKEFLAGS MFLAGS MAKELEVEL

# try WHAT COMMAND: it ends well and says nothing of a warning
try() {
	local out status

	out=$(eval "$2" 2>&1)
	status=$?
	if [ $status -eq 0 ] && ! grep -qi 'warning' <<<"$out"; then
		result "$1"
	else
		result "$1" "status $status" "$out"
	fi
}

for compiler in gcc clang; do
	try "$compiler: no warnings" "make -s -C $source_dir O=$WORK/$compiler CC=$compiler CFLAGS='-O2 -Werror'"
done
try "install" "make -s -C $source_dir O=$WORK/gcc CC=gcc CFLAGS='-O2 -Werror' DESTDIR=$WORK/root prefix=/usr install"
for file in bin/uprobe-slots lib/systemd/system/uprobe-slots.service share/man/man1/uprobe-slots.1 \
	share/man/man1/uprobe-slots-set.1 share/bash-completion/completions/uprobe-slots \
	share/zsh/site-functions/_uprobe-slots share/uprobe-slots/uprobe-slots.rules.yml \
	share/uprobe-slots/uprobe-slots.dashboard.json; do
	try "it has $file" "test -s $WORK/root/usr/$file"
done
try "the unit names the program where it is" "grep -qx 'ExecStart=/usr/bin/uprobe-slots restore /etc/uprobe-slots.conf' $WORK/root/usr/lib/systemd/system/uprobe-slots.service"
if command -v systemd-analyze >/dev/null; then
	sed "s|/usr/bin/uprobe-slots|$WORK/root/usr/bin/uprobe-slots|; s/^Documentation=.*//" \
		"$WORK/root/usr/lib/systemd/system/uprobe-slots.service" >"$WORK/uprobe-slots.service"
	try "systemd takes the unit" "systemd-analyze verify --man=no $WORK/uprobe-slots.service"
fi

# From within a kernel tree: the same files at the same places.
mkdir -p "$WORK/linux/tools/tracing" "$WORK/linux/Documentation/tools" "$WORK/out"
cp -r "$source_dir" "$WORK/linux/tools/tracing/"
cp -r "$pages" "$WORK/linux/Documentation/tools/"
try "within a kernel tree" "make -s -C $WORK/linux/tools/tracing/uprobe-slots && test -x $WORK/linux/tools/tracing/uprobe-slots/uprobe-slots"
try "as its tools/tracing/Makefile calls it" "make -s -C $WORK/linux/tools/tracing/uprobe-slots O=$WORK/out subdir=uprobe-slots && test -x $WORK/out/uprobe-slots/uprobe-slots"
try "as it calls it without a directory for objects" "make -s -C $WORK/linux/tools/tracing/uprobe-slots clean && make -s -C $WORK/linux/tools/tracing/uprobe-slots subdir=uprobe-slots && test -x $WORK/linux/tools/tracing/uprobe-slots/uprobe-slots"
try "clean" "make -s -C $WORK/linux/tools/tracing/uprobe-slots clean; test ! -e $WORK/linux/tools/tracing/uprobe-slots/obj"
try "a missing library is named" "PKG_CONFIG_LIBDIR=/nowhere make -s -C $source_dir O=$WORK/none 2>&1 | grep -q 'Please install libtracefs-dev'"
# libtracecmd is optional.
mkdir "$WORK/pc"
cp "$(pkg-config --variable=pcfiledir libtracefs)"/{libtracefs,libtraceevent,json-c}.pc "$WORK/pc"
try "without libtracecmd" "PKG_CONFIG_LIBDIR=$WORK/pc make -s -C $source_dir O=$WORK/nocmd"
try "report says so then" "$WORK/nocmd/uprobe-slots report x 2>&1 | grep -q 'without libtracecmd'"

# A page for each verb, with the options that --help has, and no others.
verbs=$("$TOOL" --help | sed -n 's/^  \([a-z][a-z]*\)  .*/\1/p')
options_of_help() {
	"$TOOL" "$1" --help | sed -nE 's/^  (-[A-Za-z], )?(--[a-z-]+).*/\2/p' | sort -u
}
options_of_page() {
	sed -n '/^OPTIONS/,$p' <(man -l --no-hyphenation "$WORK/root/usr/share/man/man1/uprobe-slots-$1.1" 2>/dev/null |
		col -b) | sed -nE 's/^ +(-[A-Za-z], )?(--[a-z-]+).*/\2/p' | sort -u
}
# Without man(1): the same from the source.
if ! command -v man >/dev/null; then
	options_of_page() {
		local page=$pages/uprobe-slots-$1.rst

		{ cat "$page"; sed -n "s|^.. include:: |$pages/|p" "$page" | xargs cat; } |
			sed -nE 's/^(\*\*-[A-Za-z]\*\*, )?\*\*(--[a-z-]+)\*\*.*/\2/p' | sort -u
	}
fi
for verb in $verbs; do
	help=$(options_of_help "$verb")
	page=$(options_of_page "$verb")
	if [ "$help" = "$page" ] && [ -n "$help" ]; then
		result "the page of $verb has the options of its --help"
	else
		result "the page of $verb has the options of its --help" "help: $help" "page: $page"
	fi
done
for page in "$pages"/uprobe-slots-*.rst; do
	name=${page##*/uprobe-slots-}
	try "uprobe-slots-${name%.rst} is a verb" "grep -qx ${name%.rst} <<<'$verbs'"
done
for verb in $verbs; do
	try "the page of the program names $verb" "grep -q 'uprobe-slots-$verb\*\*' $pages/uprobe-slots.rst"
done

# bash: what Tab offers.
bin=$WORK/bin
mkdir "$bin"
printf '#!/bin/sh\n%s UPROBE_SLOTS_TRACING_DIR=%s exec %s "$@"\n' "$PRELOAD" "$fake" "$TOOL" >"$bin/uprobe-slots"
chmod +x "$bin/uprobe-slots"
fake_kernel
completes() {	# WHAT REGEX WORDS... (the last one is being typed)
	local what=$1 regex=$2 out

	shift 2
	out=$(PATH=$bin:$PATH bash -c '. "$0"; COMP_WORDS=(uprobe-slots "$@"); COMP_CWORD=$#; _uprobe_slots
		echo "${COMPREPLY[*]}"' "$source_dir/extra/uprobe-slots.bash" "$@" 2>&1)
	if grep -qE -- "$regex" <<<"$out"; then
		result "bash: $what"
	else
		result "bash: $what" "no match: $regex" "$out"
	fi
}
completes "verbs" "^$(tr '\n' ' ' <<<"$verbs")--help --version$" ""
completes "a verb" "^restore$" res
completes "options" "^--cgroup --comm --dry-run --help --json --pid --tid$" set --
completes "an option" "^--interval$" watch --in
completes "knobs" "^area_pages cache_limit emulate enable exits$" set ""
completes "values of a knob" "^jump step trap$" set exits ""
completes "the value of a knob" "^trap$" set exits t
completes "no values of a knob that is a number" "^$" set cache_limit ""
completes "orders" "^total tid pid tasks limit entries hits misses ratio comm$" tasks --sort ""
completes "processes" "(^| )${$}( |$)" tasks --pid "$$"
completes "files" "/etc/passwd" restore /etc/passw
completes "a command" "(^| )true( |$)" stat -- tru

# Read until the answer is there: on a busy machine that takes its time.
zsh_completes() {	# WHAT REGEX LINE
	local out=$WORK/zsh_out

	if PATH=$bin:$PATH zsh -f -c '
		zmodload zsh/zpty
		zpty z zsh -f -i
		zpty -w z "PS1=; fpath=($1 \$fpath); autoload -U compinit; compinit -u -D; zstyle :completion:\* list-colors; LISTMAX=0; echo rea""dy"
		zpty -r z line "*ready*"
		zpty -w -n z "$2"$'"'\\t\\t'"'
		repeat 600; do
			while zpty -r -t z line; do print -r -- $line; done >>$0
			! tr -d "\r\a" <$0 | grep -qE -- "$3" || exit 0
			sleep 0.1
		done
		exit 1' "$out" "$source_dir/extra" "$3" "$2" 2>"$WORK/zsh_err"
	then
		result "zsh: $1"
	else
		result "zsh: $1" "no match: $2" "$(cat "$out" "$WORK/zsh_err")"
	fi
	rm -f "$out"
}
zsh_completes "verbs" "restore .*-- the knobs from a file" "uprobe-slots "
zsh_completes "an option" "watch --interval" "uprobe-slots watch --inter"
zsh_completes "values of a knob" "jump.*step.*trap" "uprobe-slots set exits "
zsh_completes "knobs" "area_pages.*cache_limit.*emulate.*enable.*exits" "uprobe-slots set "

test_end
