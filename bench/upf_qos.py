"""How exactly maximum rates are kept and guarantees held when a port is overloaded.

The pipeline and the shaper of a port run in simulated time, so that the figures tell what the
algorithms do and not how busy the machine was.
"""

import argparse
import os
import pathlib
import subprocess
import sys


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="without 10 Gb/s MBRs; under 20 s")
    arguments = parser.parse_args()
    command = ["build/bench/upf_qos", *(["--quick"] if arguments.quick else [])]
    sys.exit(subprocess.run(command, timeout=300, check=False).returncode)


if __name__ == "__main__":
    os.chdir(pathlib.Path(__file__).resolve().parent.parent)
    main()
