# shellcheck shell=bash
# Sourced by scripts that work in a root folder of another Debian.

as_root() { if [[ $(id -u) -eq 0 ]]; then "$@"; else sudo "$@"; fi; }

# The mirror that this machine's package manager uses already.
mirror() {
    local site
    site=$(apt-get indextargets --format '$(REPO_URI) $(ORIGIN) $(CODENAME)' 'Created-By: Packages' |
        awk '$2 == "Debian" && $3 !~ /security|updates|backports/ {print $1; exit}')
    [[ -n $site ]] || { echo "No Debian archive in apt's configuration (run apt-get update first)" >&2; exit 1; }
    echo "$site"
}

# bootstrap SUITE ROOT [OPTION]...: makes the root folder by debootstrap; one that was made before is kept
bootstrap() {
    local suite=$1 root=$2
    [[ -e $root/.bootstrapped ]] && return
    command -v debootstrap >/dev/null || as_root apt-get install -y --no-install-recommends debootstrap
    as_root debootstrap --variant=minbase "${@:3}" "$suite" "$root" "$(mirror)"
    # The way to the archive: proxies and the rule for old mirrors are this machine's.
    apt-config dump | grep -E '^Acquire::(http|https|Check-Valid-Until|Retries)' |
        as_root tee "$root/etc/apt/apt.conf.d/90host" >/dev/null || true
    echo 'Acquire::Check-Valid-Until "false";' | as_root tee "$root/etc/apt/apt.conf.d/91archive" >/dev/null
    as_root touch "$root/.bootstrapped"
}
