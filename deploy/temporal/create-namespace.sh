#!/bin/sh
# Makes the namespace once. It keeps closed orders for 30 days; what is older is in PostgreSQL, which is the record.
# The temporal program reads TEMPORAL_ADDRESS and TEMPORAL_NAMESPACE.
set -eu

attempts=30
until temporal operator cluster health; do
  attempts=$((attempts - 1))
  if [ "$attempts" -eq 0 ]; then
    echo "Temporal at $TEMPORAL_ADDRESS is not healthy: see docker compose logs temporal" >&2
    exit 1
  fi
  sleep 2
done

temporal operator namespace describe -n "$TEMPORAL_NAMESPACE" ||
  temporal operator namespace create -n "$TEMPORAL_NAMESPACE" --retention 720h
