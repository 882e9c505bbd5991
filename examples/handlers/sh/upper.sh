#!/bin/sh
# upper.sh - a program that is run for each job: the payload in capitals; see policypool-handler(7).
# ASCII letters alone: tr(1) takes bytes.
exec tr '[:lower:]' '[:upper:]'
