"""What the packet path adds to a packet's way at 70 % of its capacity, through rings in memory.

One CPU sends and receives, the other is the worker's. A frame's time begins when it was due, so that
a sender that is late makes no figure better. Beside it stands the same at 10 %: what the rings and the
polling cost by themselves.
"""

import argparse
import json
import os
import pathlib

from upf_pipeline import BUILD, figures, huge_pages

SHARES = (0.1, 0.7)


def measure(seconds: float, huge: bool, share: float, *options: str) -> dict:
    return figures([str(BUILD / "bench/upf_latency"), "--seconds", str(seconds), "--load", str(share),
                    *options], huge)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="shorter runs, under 40 s together")
    seconds = 2 if parser.parse_args().quick else 10
    print(f"{'10,000 sessions, 1,000 rules':<30} {'Mpps':>6} {'p50':>8} {'p99':>8} {'p99.9':>8} µs   lost")
    figures = {}
    with huge_pages(600) as huge:
        for way in ("uplink", "downlink"):
            for share in SHARES:
                result = measure(seconds, huge, share, *(["--downlink"] if way == "downlink" else []))
                print(f"{way + f' at {share:.0%} of the capacity':<30} {result['mpps']:6.2f} "
                      f"{result['latency_us_p50']:8.2f} {result['latency_us_p99']:8.2f} "
                      f"{result['latency_us_p99_9']:8.2f}   {result['lost'] / max(1, result['frames']):6.1%}",
                      flush=True)
                figures[way] = result  # of the last share
    print(json.dumps({f"{way}_{name}": round(figures[way][name], 2) for way in figures
                      for name in ("mpps", "latency_us_p50", "latency_us_p99", "latency_us_p99_9")}
                     | {"lost": sum(result["lost"] for result in figures.values())}))


if __name__ == "__main__":
    os.chdir(pathlib.Path(__file__).resolve().parent.parent)
    main()
