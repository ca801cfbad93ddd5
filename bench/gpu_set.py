#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The set of `./dev bench gpu`: kernels on the graphics processor, then models; kept in bench/results.

    bench/gpu_set.py BUILD_DIR [--device NAME] [--quick] [--out DIR] [MODEL.gguf]

--device takes an index or a part of the name; without it the best real graphics processor, or else the
first software driver, of which only a few small kernels are measured. --quick: one short repetition.
"""
import argparse
import datetime
import json
import os
import re
import sys

from standard_set import commit, keep, machine, run, say

# What a software driver does in a minute.
SMALL = (
    r"^vulkan/(mat_vec/(q8_0/4096x1024|iq2_xxs)|mat_mul/q8_0/4096x1024/rows:4/|experts/q2/rows:1/"
    r"|attention/window|index_select/at_32k|rms_norm/(embedding|heads)/|hyper/rows:1/|router/rows:1/)"
)


def choose(devices, wanted):
    if wanted:
        for device in devices:
            if wanted == str(device["index"]) or (
                not wanted.isdigit() and wanted.lower() in device["name"].lower()
            ):
                return device
        names = ", ".join(f"{d['index']} ({d['name']})" for d in devices)
        sys.exit(f"There is no Vulkan device '{wanted}'; there are: {names}.")
    for device in devices:
        if device["automatic"]:
            return device
    for device in devices:
        if device["usable"]:
            return device
    sys.exit("No Vulkan device here can run the engine; `starglass-cli devices` says why.")


def kernels(program, device, quick):
    software = device["kind"] == "software driver"
    command = [
        program,
        "--device",
        str(device["index"]),
        "--benchmark_filter=" + (SMALL if software else "^vulkan/"),
        "--benchmark_format=json",
        f"--benchmark_min_time={0.01 if quick or software else 0.2}",
    ]
    repeat = not quick and not software
    if repeat:
        command += [
            "--benchmark_repetitions=3",
            "--benchmark_enable_random_interleaving=false",
        ]
    out, err = run(command)
    found = re.search(r"reads ([\d.]+) GB/s", err)
    lines = []
    for entry in json.loads(out)["benchmarks"]:
        if entry.get("aggregate_name", "median") != "median":
            continue
        if entry["run_type"] == "iteration" and repeat:
            continue
        name = entry["run_name"].removesuffix("/real_time")
        if entry.get("error_occurred"):
            say(f"{name}: {entry['error_message']}")
            continue
        lines.append(
            {
                "name": name,
                "seconds": entry["real_time"] * 1e-6,
                "kernel_seconds": entry["kernel_us"] * 1e-6,
                "repetitions": entry["repetitions"] if repeat else 1,
                "gb_s": entry["GB/s"],
                "gflop_s": entry["GFLOP/s"],
                "of_read": entry.get("of_read"),
            }
        )
    return lines, float(found.group(1)) if found else None


def model(program, path, device, quick):
    command = [program, "bench", "--json", "--backend", "vulkan", "--device", str(device["index"])]
    software = device["kind"] == "software driver"
    if path:
        command.append(path)
    if software:
        command += ["--ctx-max", "64"]
    elif path:
        command += ["--ctx-start", "512", "--ctx-max", "4096", "--step", "x8"]
    command += ["--gen", "4" if quick or software else "32"]
    return json.loads(run(command)[0])


def table(result):
    m, d = result["machine"], result["device"]
    yield f"{result['date']}  {result['commit']}  {result['command']}"
    yield f"{m['cpu']}, {m['cores']} cores, {m['memory_bytes'] / 2**30:.1f} GiB, {m['system']}"
    yield f"{d['name']} ({d['kind']}), {d['driver']}, Vulkan {d['api_version']}"
    if result["read_gb_s"]:
        yield f"a plain kernel reads {result['read_gb_s']:.1f} GB/s"
    loads = [f"{result[when][0]:.2f}" for when in ("load_before", "load_after")]
    yield f"load {loads[0]} before, {loads[1]} after"
    yield ""
    yield (
        f"{'what':<44} {'us':>11} {'kernel us':>11} {'GB/s':>9} {'GFLOP/s':>10} {'of read':>8}"
    )
    for line in result["kernels"]:
        share = f"{line['of_read']:.1%}" if line["of_read"] is not None else ""
        yield (
            f"{line['name'].removeprefix('vulkan/'):<44} {line['seconds'] * 1e6:>11.2f} "
            f"{line['kernel_seconds'] * 1e6:>11.2f} {line['gb_s']:>9.2f} {line['gflop_s']:>10.1f} "
            f"{share:>8}"
        )
    for report in result["models"]:
        name = "built-in" if report["model"]["builtin"] else os.path.basename(report["model"]["path"])
        place = report["engine"]["placement"]
        yield ""
        yield (
            f"{name}: experts of {place['device_expert_layers']} of {place['layers']} layers on the device, "
            f"{place['device_bytes'] / 1e9:.2f} GB of its memory"
        )
        for at in report["frontiers"]:
            decode, inside = at["decode"], at["device"]
            prefill = f"{at['prefill']['tokens_s']:.1f}" if at["prefill"] else "-"
            floor = f"{at['floor_seconds'] * 1e3:.3f} ms" if at["floor_seconds"] else "-"
            share = f"{at['read_share']:.1%}" if at["read_share"] else "-"
            yield (
                f"  after {at['context']:>7}: prefill {prefill} tokens/s, decode "
                f"{decode['tokens_s']:.2f} tokens/s (median {decode['seconds_median'] * 1e3:.3f} ms, floor "
                f"{floor}, {share}); {inside['dispatches']:.0f} kernels, "
                f"{inside['replayed']:.0f} replayed, {inside['barriers']:.0f} "
                f"barriers, {inside['submissions']:.1f} submissions a token"
            )
        for kernel in report["frontiers"][-1]["device"]["kernels"]:
            yield (
                f"    {kernel['name']:<36} {kernel['calls']:>6.0f} calls {kernel['seconds'] * 1e6:>11.1f} us "
                f"{kernel['read_bytes'] / 1e6:>10.3f} MB {kernel['read_bytes_s'] / 1e9:>9.2f} GB/s"
            )


def main():
    arguments = argparse.ArgumentParser(prog="./dev bench gpu", add_help=False)
    arguments.add_argument("build")
    arguments.add_argument("model", nargs="?", default="")
    arguments.add_argument("--device", default="")
    arguments.add_argument("--quick", action="store_true")
    arguments.add_argument("--out", default=os.path.join(os.path.dirname(__file__), "results"))
    options = arguments.parse_intermixed_args()
    if options.model and not os.path.isfile(options.model):
        sys.exit(f"There is no model file '{options.model}'.")
    binaries = os.path.join(options.build, "bin")
    cli = os.path.join(binaries, "starglass-cli")
    device = choose(json.loads(run([cli, "devices", "--json"])[0])["devices"], options.device)
    if device["kind"] == "software driver":
        say(
            f"No graphics processor is measured: {device['name']} is a software driver. These figures "
            "show that everything runs, not how fast."
        )

    now = datetime.datetime.now(datetime.timezone.utc)
    words = [options.model] if options.model else []
    if options.device:
        words += ["--device", options.device]
    if options.quick:
        words.append("--quick")
    result = {
        "schema": 1,
        "date": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "command": " ".join(["./dev bench gpu", *words]),
        "commit": commit(),
        "machine": machine(),
        "device": device,
        "load_before": os.getloadavg(),
    }
    say("kernels: a few minutes")
    result["kernels"], result["read_gb_s"] = kernels(
        os.path.join(binaries, "kernel_bench"), device, options.quick
    )
    say("the built-in model")
    result["models"] = [model(cli, "", device, options.quick)]
    if options.model:
        say(f"{options.model}: minutes, when it is large")
        result["models"].append(model(cli, options.model, device, options.quick))
    result["load_after"] = os.getloadavg()

    keep(result, table(result), os.path.join(options.out, now.strftime("%Y-%m-%dT%H%M%SZ") + "-gpu"))


if __name__ == "__main__":
    main()
