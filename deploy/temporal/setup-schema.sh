#!/bin/sh
# Temporal's two databases, made and brought up to date as temporalio/samples-server does it. Every step may run
# again: create finds the database, setup-schema keeps a newer version, update-schema applies what is missing.
# The tool takes the password from SQL_PASSWORD.
set -eu

schema() {
  database=$1
  versions=$2
  tool="temporal-sql-tool --plugin postgres12 --ep postgresql -u temporal -p 5432 --db $database"
  $tool create
  $tool setup-schema -v 0.0
  $tool update-schema -d "/etc/temporal/schema/postgresql/v12/$versions/versioned"
}

schema temporal temporal
schema temporal_visibility visibility
