"""The table at the end of a check: a line a step, then figures beside the bandwidth of copies and beside cuBLASLt."""


def table_of(steps, order):
    """Text for the state's steps; steps that were not run are left."""
    lines = [""]
    for name in order:
        step = steps.get(name)
        if step is None:
            lines.append(f"{name:16} not run")
            continue
        lines.append(f"{name:16} {step['status']:10} {step['seconds']:7.1f} s  {summary_of(name, step)}")
    yardsticks = steps.get("yardsticks", {}).get("result") or {}
    lines += kernel_lines(steps.get("kernels", {}).get("result") or [], yardsticks)
    lines += forward_lines(steps.get("forwards", {}).get("result") or [], yardsticks)
    return "\n".join(lines)


def summary_of(name, step):
    """One line of what a step found."""
    if "reason" in step:
        return step["reason"].splitlines()[0]
    result = step["result"]
    if name == "machine":
        return result.get("gpu", "simulated" if result["simulated"] else "no nvidia-smi")
    if name == "mma_tiles":
        return f"{result['results']} results on {result['device']}, {result['different']} differ"
    if name == "replay":
        return f"{sum(text.startswith('equal') for text in result.values())} of {len(result)} traces are equal"
    if name == "sanitizer":
        return "; ".join(result)
    if name == "yardsticks":
        return f"copies {result['copy_gb_per_s']} GB/s; cuBLASLt {'measured' if result['cublaslt'] else 'is not there'}"
    return ""


def kernel_lines(kernels, yardsticks):
    """Each kernel's time and rate, its share of the copies' rate, and cuBLASLt's time for the same product."""
    if not kernels:
        return []
    peak, products = yardsticks.get("copy_gb_per_s"), yardsticks.get("cublaslt") or {}
    lines = ["", f"{'kernel':24} {'shape':14} {'rows':>4} {'us':>10} {'GB/s':>8} {'of copy':>8} {'cuBLASLt us':>12}"]
    for each in kernels:
        share = f"{100 * each['gb_per_s'] / peak:.0f} %" if peak else ""
        library = products.get(f"{each['shape']}x{each['rows']}") if "bf16" in each["op"] else None
        lines.append(
            f"{each['op']:24} {each['shape']:14} {each['rows']:4} {each['us']:10.2f} {each['gb_per_s']:8.1f} "
            f"{share:>8} {'' if library is None else f'{library:.2f}':>12}"
        )
    return lines


def forward_lines(forwards, yardsticks):
    """Whole forwards."""
    if not forwards:
        return []
    peak = yardsticks.get("copy_gb_per_s")
    lines = ["", f"{'forward':10} {'rows':>4} {'keys':>6} {'ms':>10} {'tokens/s':>10} {'GB/s':>8} {'of copy':>8}"]
    for each in forwards:
        share = f"{100 * each['gb_per_s'] / peak:.0f} %" if peak else ""
        name = "graph" if each["graph"] else "op by op"
        lines.append(
            f"{name:10} {each['rows']:4} {each['keys']:6} {each['ms']:10.3f} {each['tokens_per_s']:10.1f} "
            f"{each['gb_per_s']:8.1f} {share:>8}"
        )
    return lines
