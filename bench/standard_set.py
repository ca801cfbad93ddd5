#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The standard set of `./dev bench`: kernels, then models; one table, and both kept in bench/results.

    bench/standard_set.py BUILD_DIR [--quick] [--out DIR] [MODEL.gguf]

--quick takes one short repetition of everything: for trying the script, not for figures.
"""
import argparse
import datetime
import json
import os
import platform
import re
import subprocess
import sys

KERNELS = r"^(mat_mul/(q8_0|iq2_xxs|q2_k|q4_k|f16)|routed_experts/q2)/"
CEILING = re.compile(
    r"(\d+) threads?: reads ([\d.]+) GB/s, f32 (\d+) GFLOP/s, int8 (\d+) GOP/s \((\S+)\)"
)
SHAPES = {
    "mat_mul/q8_0": "Q8_0 4096 -> 4096",
    "mat_mul/iq2_xxs": "IQ2_XXS 4096 -> 2048",
    "mat_mul/q2_k": "Q2_K 2048 -> 4096",
    "mat_mul/q4_k": "Q4_K 4096 -> 2048",
    "mat_mul/f16": "F16 4096 -> 1024",
    "routed_experts/q2": "experts 6 of 256, IQ2_XXS/Q2_K",
}


def say(text):
    print(text, file=sys.stderr, flush=True)


def run(command, show=False):
    """Standard output and standard error; ends the program when the command fails. `show`: standard
    error goes to the terminal instead."""
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=None if show else subprocess.PIPE, text=True
    )
    if done.returncode != 0:
        say((done.stderr or "").strip())
        sys.exit(f"{os.path.basename(command[0])} failed with code {done.returncode}")
    return done.stdout, done.stderr or ""


def proc_value(path, key):
    try:
        with open(path, encoding="utf-8") as lines:
            for line in lines:
                if line.startswith(key):
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return ""


def machine():
    memory = proc_value("/proc/meminfo", "MemTotal").split()
    return {
        "cpu": proc_value("/proc/cpuinfo", "model name") or platform.machine(),
        "cores": os.cpu_count(),
        "memory_bytes": int(memory[0]) * 1024 if memory else 0,
        "system": f"{platform.system()} {platform.release()}",
    }


def commit():
    done = subprocess.run(
        ["git", "describe", "--always", "--dirty"], stdout=subprocess.PIPE, text=True, check=False
    )
    return done.stdout.strip()


def kernels(program, quick):
    """Kernel lines and the ceilings that the program says on standard error."""
    command = [program, f"--benchmark_filter={KERNELS}", "--benchmark_format=json"]
    if quick:
        command.append("--benchmark_min_time=0.01")
    else:
        # The median of several: one line takes a second, other programs come and go.
        command += [
            "--benchmark_min_time=0.3",
            "--benchmark_repetitions=3",
            "--benchmark_enable_random_interleaving=false",
        ]
    out, err = run(command)
    ceilings = {}
    simd_target = ""
    for threads, read, f32, int8, target in CEILING.findall(err):
        ceilings[threads] = {
            "read_gb_s": float(read),
            "f32_gflop_s": float(f32),
            "int8_gop_s": float(int8),
        }
        simd_target = target
    lines = []
    for entry in json.loads(out)["benchmarks"]:
        if entry.get("aggregate_name", "median") != "median":
            continue
        if entry["run_type"] == "iteration" and not quick:
            continue
        parts = entry["run_name"].split("/")
        arguments = dict(part.split(":") for part in parts if ":" in part)
        lines.append(
            {
                "name": "/".join(parts[:2]),
                "rows": int(arguments["rows"]),
                "threads": int(arguments["threads"]),
                "seconds": entry["real_time"] * 1e-6,
                "repetitions": 1 if quick else entry["repetitions"],
                "gb_s": entry["GB/s"],
                "gflop_s": entry["GFLOP/s"],
                "of_read": entry["of_read"],
                "of_peak": entry["of_peak"],
            }
        )
    return lines, ceilings, simd_target


def model(program, path, quick):
    command = [program, "bench", "--json", "--backend", "cpu"]
    if path:
        command += [path, "--ctx-start", "64", "--ctx-max", "512", "--step", "x8"]
    command += ["--gen", "4" if quick else "32"]
    if not quick and not path:
        command += ["--repeat", "5"]
    return json.loads(run(command)[0])


def table(result):
    m = result["machine"]
    yield f"{result['date']}  {result['commit']}  {result['command']}"
    yield (
        f"{m['cpu']}, {m['cores']} cores, {m['memory_bytes'] / 2**30:.1f} GiB, {m['system']}, "
        f"{m['simd_target']}"
    )
    loads = [f"{result[when][0]:.2f}" for when in ("load_before", "load_after")]
    yield f"load {loads[0]} before, {loads[1]} after"
    for threads, most in sorted(result["ceilings"].items()):
        yield (
            f"{threads} thread{'s' if threads != '1' else ''} at most: "
            f"{most['read_gb_s']:.1f} GB/s read, "
            f"{most['f32_gflop_s']:.0f} GFLOP/s f32, {most['int8_gop_s']:.0f} GOP/s int8"
        )
    yield ""
    yield (
        f"{'what':<32} {'rows':>7} {'threads':>7} {'ms':>9} {'GB/s':>7} {'GFLOP/s':>8} "
        f"{'of read':>8} {'of peak':>8} {'tokens/s':>9}"
    )
    for line in result["kernels"]:
        yield (
            f"{SHAPES.get(line['name'], line['name']):<32} {line['rows']:>7} {line['threads']:>7} "
            f"{line['seconds'] * 1e3:>9.3f} {line['gb_s']:>7.2f} {line['gflop_s']:>8.1f} "
            f"{line['of_read']:>8.1%} {line['of_peak']:>8.1%} {'':>9}"
        )
    for report in result["models"]:
        name = "built-in" if report["model"]["builtin"] else os.path.basename(report["model"]["path"])
        threads = report["engine"]["threads"]
        for at in report["frontiers"]:
            prefill = at["prefill"]
            if prefill:
                yield (
                    f"{name + ', prefill to':<32} {at['context']:>7} {threads:>7} "
                    f"{prefill['seconds_median'] * 1e3:>9.2f} {'':>7} {'':>8} {'':>8} {'':>8} "
                    f"{prefill['tokens_s']:>9.2f}"
                )
            decode = at["decode"]
            share = f"{at['read_share']:.1%}" if at["read_share"] else ""
            yield (
                f"{name + ', decode after':<32} {at['context']:>7} {threads:>7} "
                f"{decode['seconds_median'] * 1e3:>9.3f} {at['bytes_s'] / 1e9:>7.2f} {'':>8} "
                f"{share:>8} {'':>8} {decode['tokens_s']:>9.2f}"
            )


def keep(result, lines, base):
    """Prints the table and writes it and the result beside each other."""
    text = "\n".join(line.rstrip() for line in lines) + "\n"
    print(text, end="")
    os.makedirs(os.path.dirname(base), exist_ok=True)
    with open(base + ".txt", "w", encoding="utf-8") as out:
        out.write(text)
    with open(base + ".json", "w", encoding="utf-8") as out:
        json.dump(result, out, indent=1)
        out.write("\n")
    say(f"written: {base}.txt and .json")


def main():
    arguments = argparse.ArgumentParser(prog="./dev bench", add_help=False)
    arguments.add_argument("build")
    arguments.add_argument("model", nargs="?", default="")
    arguments.add_argument("--quick", action="store_true")
    arguments.add_argument("--out", default=os.path.join(os.path.dirname(__file__), "results"))
    options = arguments.parse_args()
    if options.model and not os.path.isfile(options.model):
        sys.exit(f"There is no model file '{options.model}'.")
    binaries = os.path.join(options.build, "bin")
    cli = os.path.join(binaries, "starglass-cli")

    now = datetime.datetime.now(datetime.timezone.utc)
    words = [w for w in (options.model, "--quick" if options.quick else "") if w]
    result = {
        "schema": 1,
        "date": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "command": " ".join(["./dev bench", *words]),
        "commit": commit(),
        "machine": machine(),
        "load_before": os.getloadavg(),
    }
    say("kernels: about two minutes")
    result["kernels"], result["ceilings"], result["machine"]["simd_target"] = kernels(
        os.path.join(binaries, "kernel_bench"), options.quick
    )
    say("the built-in model")
    result["models"] = [model(cli, "", options.quick)]
    if options.model:
        say(f"{options.model}: minutes, when it is large")
        result["models"].append(model(cli, options.model, options.quick))
    result["load_after"] = os.getloadavg()

    keep(result, table(result), os.path.join(options.out, now.strftime("%Y-%m-%dT%H%M%SZ")))


if __name__ == "__main__":
    main()
