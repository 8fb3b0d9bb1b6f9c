#!/usr/bin/env bash
# Runs scripts/on_gpu --dry with a bundle of the host in a bare Debian 13 root: no python3, no compiler, no MPI, no variables.
# usage: .ci/bare.sh <bundle> <on_gpu> [root folder]     (default: build-bare/root, made by debootstrap and kept)
set -euo pipefail

tree=$(cd "$(dirname "$0")/.." && pwd)
readonly bundle=$1 script=$2
mkdir -p "${3:-$tree/build-bare/root}"
root=$(cd "${3:-$tree/build-bare/root}" && pwd)

as_root() { if [[ $(id -u) -eq 0 ]]; then "$@"; else sudo "$@"; fi; }

# The mirror that this machine's package manager uses already.
mirror() {
    apt-get indextargets --format '$(REPO_URI) $(ORIGIN) $(CODENAME)' 'Created-By: Packages' |
        awk '$2 == "Debian" && $3 !~ /security|updates|backports/ {print $1; exit}'
}

if [[ ! -e $root/.bootstrapped ]]; then
    as_root debootstrap --variant=minbase trixie "$root" "$(mirror)"
    as_root touch "$root/.bootstrapped"
fi
as_root rm -rf "$root/srv/dry"
as_root mkdir -p "$root/srv/dry"
as_root cp "$bundle" "$root/srv/dry/bundle.tar.gz"
as_root cp "$script" "$root/srv/dry/on_gpu"
as_root unshare --mount bash -euc 'mount -t proc proc "$1/proc"
    exec chroot "$1" /usr/bin/env -i PATH=/usr/bin:/bin bash -c "cd /srv/dry && ./on_gpu --dry --bundle bundle.tar.gz"' bare "$root"
