#!/bin/sh
# Installs what the tests use besides Python packages, where it is missing and we may. Tests that lack one skip and say
# so; under CI=true they fail. `install_tools.sh compiler` is the part that the environment is made with.
set -eu
missing=""
command -v gcc >/dev/null 2>&1 || missing="$missing gcc libc6-dev"
# Python's headers, of the Python that make uses: the hot loops are compiled with them.
header=$(${PYTHON:-python3} -c 'import os, sysconfig; print(os.path.join(sysconfig.get_paths()["include"], "Python.h"))')
[ -f "$header" ] || missing="$missing python3-dev"
if [ "${1:-}" != compiler ]; then
    command -v tshark >/dev/null 2>&1 || missing="$missing tshark"
    command -v tcpdump >/dev/null 2>&1 || missing="$missing tcpdump"
    command -v chromium >/dev/null 2>&1 || missing="$missing chromium"
    command -v firefox-esr >/dev/null 2>&1 || command -v firefox >/dev/null 2>&1 || missing="$missing firefox-esr"
    command -v ip >/dev/null 2>&1 || missing="$missing iproute2"
    command -v npm >/dev/null 2>&1 || missing="$missing nodejs npm"
    # Debian starts Prometheus when it is installed: only where nothing else runs. Of systemd only its check is used.
    [ "${CI:-}" != true ] || command -v promtool >/dev/null 2>&1 || missing="$missing prometheus"
    command -v systemd-analyze >/dev/null 2>&1 || missing="$missing systemd"
    # Drivers of other languages, for tests/drivers.
    command -v go >/dev/null 2>&1 || missing="$missing golang-go"
    command -v javac >/dev/null 2>&1 || missing="$missing default-jdk-headless"
    command -v mvn >/dev/null 2>&1 || missing="$missing maven"
    perl -MDBD::mysql -MDBD::MariaDB -e 1 2>/dev/null || missing="$missing libdbd-mysql-perl libdbd-mariadb-perl"
    php -r 'exit(class_exists("mysqli") && class_exists("PDO") ? 0 : 1);' 2>/dev/null || missing="$missing php-cli php-mysql"
    command -v searchd >/dev/null 2>&1 || missing="$missing sphinxsearch"
    command -v man >/dev/null 2>&1 || missing="$missing man-db"
    command -v pt-query-digest >/dev/null 2>&1 || missing="$missing percona-toolkit"
    ruby -rmysql2 -e '' 2>/dev/null || missing="$missing ruby ruby-mysql2"
    pkg-config libmariadb >/dev/null 2>&1 || missing="$missing pkg-config libmariadb-dev"
    erl -noshell -eval 'halt(length([1 || non_existing <- [code:which(p1_mysql)]])).' >/dev/null 2>&1 ||
        missing="$missing erlang-base erlang-p1-mysql"
    # What people run against servers, for tests/matrix/test_tools.py.
    command -v isql >/dev/null 2>&1 || missing="$missing unixodbc odbc-mariadb"
    lua5.4 -e 'require("luasql.mysql")' >/dev/null 2>&1 || missing="$missing lua5.4 lua-sql-mysql"
    command -v tclsh >/dev/null 2>&1 || missing="$missing tcl"
    [ "$(echo 'puts [catch {package require mysqltcl}]' | tclsh 2>/dev/null)" = 0 ] || missing="$missing mysqltcl"
    command -v mydumper >/dev/null 2>&1 || missing="$missing mydumper"
    command -v sysbench >/dev/null 2>&1 || missing="$missing sysbench"
fi
[ -n "$missing" ] || exit 0
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    echo "tests that need these will skip:$missing" >&2
    exit 0
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# shellcheck disable=SC2086 # a list of packages
apt-get install -y -qq --no-install-recommends $missing >/dev/null
