#!/bin/sh
# Makes the three roles and Holdfast's database. PostgreSQL's image runs this once, when its volume is empty: a
# password that is changed in .env afterwards must be changed here too, with ALTER ROLE.
set -eu

psql --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres \
  --set owner_password="$OWNER_DB_PASSWORD" \
  --set app_password="$APP_DB_PASSWORD" \
  --set temporal_password="$TEMPORAL_DB_PASSWORD" <<'SQL'
-- Owns the schema and changes it: the migrations alone run as this role.
CREATE ROLE holdfast_owner LOGIN PASSWORD :'owner_password';
-- What the API and the worker run as. The migrations grant its rights: none on entries but to read them.
CREATE ROLE holdfast_app LOGIN PASSWORD :'app_password';
-- CREATEDB, since Temporal's own tool asks for its two databases at every start, and does not mind finding them.
CREATE ROLE temporal LOGIN CREATEDB PASSWORD :'temporal_password';
CREATE DATABASE holdfast OWNER holdfast_owner;
REVOKE CONNECT, TEMPORARY ON DATABASE holdfast FROM PUBLIC;
GRANT CONNECT ON DATABASE holdfast TO holdfast_app;
SQL
