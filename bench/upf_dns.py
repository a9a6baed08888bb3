"""DNS queries of users, answered in the data path by one worker, in memory.

A, AAAA and HTTPS (NODATA), with and without EDNS, some names in mixed case; every query is for a name
with a rule and has to be answered. Their contents are checked by the unit tests and by tests/wire.
"""

import argparse
import json
import os
import pathlib
import sys
import tempfile

from upf_pipeline import huge_pages, pipeline


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a shorter run, under 15 s")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, huge_pages(300) as huge:
        result = pipeline(pathlib.Path(folder) / "frames.pcap", 1.5 if arguments.quick else 5, huge,
                          512, "--dns", "--rules", "1000")
    if result["answered_share"] < 0.999:
        sys.exit(f"only {result['answered_share']:.1%} of the queries were answered")
    print(f"10,000 users, 500 names: {result['mpps']:.2f} million answers/s, "
          f"{result['cycles_per_packet']:.0f} cycles each")
    print(json.dumps({"answers_mps": round(result["mpps"], 2), "huge_pages": huge}))


if __name__ == "__main__":
    os.chdir(pathlib.Path(__file__).resolve().parent.parent)
    main()
