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

. "$tree/.ci/debian_root.sh"

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

bootstrap sid "$root" --include=ca-certificates
inside bash -euc 'cd /source && ./quickstart test'
