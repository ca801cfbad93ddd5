#!/bin/sh
# SPDX-License-Identifier: MIT
# Starts (or with --resume continues) the training on one core; arguments go to train.py.
cd "$(dirname "$0")" || exit 1
export OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 OMP_WAIT_POLICY=passive OPENBLAS_CORETYPE=SkylakeX ATEN_CPU_CAPABILITY=avx512
export MALLOC_MMAP_THRESHOLD_=4294967296 MALLOC_TRIM_THRESHOLD_=17179869184 MALLOC_TOP_PAD_=268435456
exec nice -n "${NICE:-0}" /usr/bin/python3 -u train.py "$@"
