# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# apt with a state of its own, in the cache: packages of suites and of
# architectures that this machine does not use, without root, and without a
# trace in the system's apt. Where the archive is, apt's configuration says.

# packages GROUP...: the entries of these groups, as scripts/packages has them.
packages()
{
	local group
	for group; do
		sed -nE "s/^${group}[[:space:]]+([^[:space:]]+).*/\1/p" "$TOP/scripts/packages"
	done
}

# resolve STATE ENTRY...: prints the package for each entry: of NAME|NAME... the first
# that the archive has. STATE is the private apt to ask, or - for the system's.
resolve()
{
	local state=$1 entry name known
	shift
	for entry; do
		case $entry in
		*'|'*) ;;
		*) echo "$entry"; continue ;;
		esac
		for name in ${entry//|/ }; do
			case $state in
			-) known=$(apt-cache madison "$name") ;;
			*) known=$(private_apt "$state" cache madison "$name") ;;
			esac
			if [ -n "$known" ]; then
				echo "$name"
				continue 2
			fi
		done
		echo "the archive has no package ${entry//|/ and no }" >&2
		return 1
	done
}

# "URI SUITE KEYRING" for each configured source of the main archive. KEYRING is
# '-' where apt trusts its own directory of keys.
configured_sources()
{
	local uri suite key
	apt-get indextargets --format "\$(REPO_URI) \$(RELEASE) \$(SIGNED_BY)" \
		'Identifier: Packages' 'Component: main' | awk '!seen[$0]++' |
	while read -r uri suite key; do
		case $key in /*) ;; *) key=- ;; esac
		echo "$uri $suite $key"
	done
}

# apt_state NAME ARCH [SUITE]: prepares the state NAME for ARCH, with the
# configured suites or with SUITE of the same archive, and updates it. Then
# `private_apt NAME COMMAND...` uses it.
apt_state()
{
	local dir=$CACHE/apt/$1 arch=$2 suite=${3-} sources keyring uri name key
	keyring=/usr/share/keyrings/debian-archive-keyring.gpg
	mkdir -p "$dir"/{lists,archives}/partial
	: >"$dir/status"
	sources=$(configured_sources) || return
	[ -n "$sources" ] || die "apt is configured with no Debian archive"
	if [ -n "$suite" ]; then
		# The main archive itself, not its security or point-release suites.
		uri=$(awk '$2 !~ /-(security|updates|backports)/ { print $1; exit }' <<<"$sources")
		[ -n "$uri" ] || die "apt's configuration names no main archive to find $suite in"
		sources="$uri $suite $keyring"
	fi
	while read -r uri name key; do
		case $key in -) key='' ;; *) key="[signed-by=$key] " ;; esac
		echo "deb $key$uri $name main"
	done <<<"$sources" >"$dir/sources.list"
	cat >"$dir/apt.conf" <<-EOF
	Dir::Etc::SourceList "$dir/sources.list";
	Dir::Etc::SourceParts "/dev/null";
	Dir::Etc::Preferences "/dev/null";
	Dir::Etc::PreferencesParts "/dev/null";
	Dir::State "$dir";
	Dir::State::Lists "$dir/lists";
	Dir::State::Status "$dir/status";
	Dir::Cache "$dir";
	Dir::Cache::Archives "$dir/archives";
	Debug::NoLocking "1";
	// No other user to drop to: the cache is ours alone.
	APT::Sandbox::User "root";
	APT::Architecture "$arch";
	#clear APT::Architectures;
	APT::Architectures { "$arch"; };
	APT::Install-Recommends "0";
	Acquire::Languages "none";
	Acquire::Retries "3";
	// An archive that cannot be reached is no archive without the package.
	APT::Update::Error-Mode "any";
	// Hooks of the system would act on the system.
	#clear APT::Update::Pre-Invoke;
	#clear APT::Update::Post-Invoke;
	#clear APT::Update::Post-Invoke-Success;
	#clear DPkg::Pre-Invoke;
	#clear DPkg::Post-Invoke;
	#clear DPkg::Pre-Install-Pkgs;
	EOF
	private_apt "$1" get update
}

# private_apt NAME get|cache ARG...
private_apt()
{
	local dir=$CACHE/apt/$1 command=apt-$2
	shift 2
	"$command" -c "$dir/apt.conf" -q=2 "$@"
}
