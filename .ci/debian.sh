#!/usr/bin/env bash
# Builds and tests this tree on another Debian: other versions of Kokkos, oneDNN, HDF5 and of the compiler.
# usage: .ci/debian.sh <bookworm|trixie|sid> [root folder]
# The root folder (default: build-<suite>/root) is made by debootstrap at the first run and kept; ./quickstart in it
# installs what is missing, builds into build-<suite>/build and tests. Needs root, or sudo.
set -euo pipefail

readonly debian=${1:?usage: .ci/debian.sh <bookworm|trixie|sid> [root folder]}
tree=$(cd "$(dirname "$0")/.." && pwd)
readonly tree
readonly build=$tree/build-$debian/build
mkdir -p "${2:-$tree/build-$debian/root}"
suite_root=$(cd "${2:-$tree/build-$debian/root}" && pwd)
readonly suite_root

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
            AUREOLE_BUILD_FOLDER=/build "$@"' debian "$suite_root" "$tree" "$build" "$@" </dev/null
}

bootstrap "$debian" "$suite_root" --include=ca-certificates
inside bash -euc 'cd /source && ./quickstart test'
