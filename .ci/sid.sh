#!/usr/bin/env bash
# Builds and tests this tree on Debian sid: the newest Kokkos, oneDNN, HDF5 and compiler that a distribution has.
# usage: .ci/sid.sh [root folder]
# The root folder (default: build-sid/root) is made by debootstrap at the first run and kept; ./quickstart in it installs
# what is missing, builds into build-sid/build and tests. Needs root, or sudo.
set -euo pipefail

readonly tree=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "${1:-$tree/build-sid/root}"
readonly root=$(cd "${1:-$tree/build-sid/root}" && pwd)
readonly build=$tree/build-sid/build

as_root() { if [[ $(id -u) -eq 0 ]]; then "$@"; else sudo "$@"; fi; }

# The mirror that this machine's package manager uses already.
mirror() {
    local site
    site=$(apt-get indextargets --format '$(REPO_URI) $(ORIGIN) $(CODENAME)' 'Created-By: Packages' |
        awk '$2 == "Debian" && $3 !~ /security|updates|backports/ {print $1; exit}')
    [[ -n $site ]] || { echo "No Debian archive in apt's configuration (run apt-get update first)" >&2; exit 1; }
    echo "$site"
}

bootstrap() {
    [[ -e $root/.bootstrapped ]] && return
    command -v debootstrap >/dev/null || as_root apt-get install -y --no-install-recommends debootstrap
    as_root debootstrap --variant=minbase --include=ca-certificates sid "$root" "$(mirror)"
    # The way to the archive: proxies and the rule for old mirrors are this machine's.
    apt-config dump | grep -E '^Acquire::(http|https|Check-Valid-Until|Retries)' |
        as_root tee "$root/etc/apt/apt.conf.d/90host" >/dev/null || true
    echo 'Acquire::Check-Valid-Until "false";' | as_root tee "$root/etc/apt/apt.conf.d/91archive" >/dev/null
    as_root touch "$root/.bootstrapped"
}

# The mounts live in a name space of their own and end with it.
inside() {
    as_root unshare --mount bash -euc '
        root=$1 tree=$2 build=$3; shift 3
        mkdir -p "$build" "$root/source" "$root/build"
        mount -t proc proc "$root/proc"
        mount --bind "$tree" "$root/source"
        mount --bind "$build" "$root/build"
        cp /etc/resolv.conf "$root/etc/resolv.conf"
        exec chroot "$root" /usr/bin/env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin TERM=dumb LC_ALL=C.UTF-8 \
            AUREOLE_BUILD_FOLDER=/build "$@"' sid "$root" "$tree" "$build" "$@" </dev/null
}

bootstrap
inside bash -euc 'cd /source && ./quickstart test'
