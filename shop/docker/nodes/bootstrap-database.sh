#!/usr/bin/env bash
# Called once by Patroni, on the first primary, with a connection string: the shop's user and empty database.
# The tables are the services' business.
set -euo pipefail

psql "$1" --quiet --set ON_ERROR_STOP=1 <<'SQL'
CREATE ROLE shop LOGIN PASSWORD 'shop';
CREATE DATABASE shop OWNER shop;
SQL
