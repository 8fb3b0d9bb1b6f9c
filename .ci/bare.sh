#!/usr/bin/env bash
# Runs scripts/on_gpu --dry with a bundle of the host in a bare Debian 13 root: no python3, no compiler, no MPI, no variables.
# usage: .ci/bare.sh <bundle> <on_gpu> [root folder]     (default: build-bare/root, made by debootstrap and kept)
set -euo pipefail

tree=$(cd "$(dirname "$0")/.." && pwd)
readonly bundle=$1 script=$2
mkdir -p "${3:-$tree/build-bare/root}"
root=$(cd "${3:-$tree/build-bare/root}" && pwd)

. "$tree/.ci/debian_root.sh"
bootstrap trixie "$root"
as_root rm -rf "$root/srv/dry"
as_root mkdir -p "$root/srv/dry"
as_root cp "$bundle" "$root/srv/dry/bundle.tar.gz"
as_root cp "$script" "$root/srv/dry/on_gpu"
as_root unshare --mount bash -euc 'mount -t proc proc "$1/proc"
    exec chroot "$1" /usr/bin/env -i PATH=/usr/bin:/bin bash -c "cd /srv/dry && ./on_gpu --dry --bundle bundle.tar.gz"' bare "$root"
