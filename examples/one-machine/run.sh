#!/bin/sh
# One machine: start a worker, ask it, look at it, delete it. The demo model comes with the worker type llamacpp.
set -e

rbee worker spawn --type llamacpp --model demo --id greeter
rbee infer -m demo "Hello"
rbee worker list
rbee worker delete greeter
