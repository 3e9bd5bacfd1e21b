#!/usr/bin/env bash
# Exim and OpenSMTPD for the end-to-end tests, unpacked under target/mail-servers. Debian lets one mail server be installed, which is Postfix here; these two
# run in a root of their own (tests/src/outside) and nothing of them is installed.
#   Exim: this Debian's, with this system's libraries (`./check` names their packages).
#   OpenSMTPD: Debian 13's, with Debian 13's libraries beside it. Debian 12's was never taught OpenSSL 3: it fails at every handshake (OpenSMTPD issue 1171).
set -eu
cd "$(dirname "$0")/../.."
top=$PWD/target/mail-servers

unpack() { # folder, apt options and packages…; fails at the first failure, also where its own is looked at
    local folder=$top/$1 package; shift
    rm -rf "$folder" && mkdir -p "$folder/packages" && cd "$folder/packages" && apt-get "$@" >/dev/null 2>&1 || return 1
    for package in ./*.deb; do dpkg-deb -x "$package" .. || return 1; done
    cd .. && rm -r packages
}

if [ ! -e "$top/exim/.whole" ]; then
    unpack exim download exim4-daemon-heavy || { apt-get update -q >/dev/null && unpack exim download exim4-daemon-heavy; }
    touch "$top/exim/.whole"
fi

if [ ! -e "$top/opensmtpd/.whole" ]; then
    # A list of packages of its own, from where this system has its own from: nothing here learns of it.
    apt=$top/apt
    rm -rf "$apt" && mkdir -p "$apt/sources" "$apt/lists/partial" "$apt/cache/archives/partial"
    uri=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' 'Component: main' 'Codename: bookworm' | head -1)
    [ -n "$uri" ] || uri=$(sed -n 's/^\(URIs: \|deb \)\(\S*debian\/\?\)\( .*\)\?$/\2/p' /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null | head -1)
    printf 'Types: deb\nURIs: %s\nSuites: trixie\nComponents: main\nSigned-By: /usr/share/keyrings/debian-archive-keyring.gpg\n' "$uri" >"$apt/sources/trixie.sources"
    options=(-q -o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts="$apt/sources" -o Dir::State::Lists="$apt/lists" -o Dir::Cache="$apt/cache"
        -o Dir::State::Status=/dev/null -o Acquire::Languages=none)
    apt-get "${options[@]}" update >/dev/null
    unpack opensmtpd "${options[@]}" download opensmtpd dash libc6 libaudit1 libcap-ng0 libcrypt1 libdb5.3t64 libevent-2.1-7t64 libpam0g libssl3t64 libzstd1 zlib1g
    cd "$top/opensmtpd"
    for folder in bin lib lib64 sbin; do ln -sfn "usr/$folder" "$folder"; done
    rm -r "$apt" && touch .whole
fi
