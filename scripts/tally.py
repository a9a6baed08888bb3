"""Adds up JUnit files and prints the one line that scripts/test ends with."""

import argparse
import pathlib
import sys
import xml.etree.ElementTree as ElementTree


def outcome(case: ElementTree.Element) -> str:
    if case.find("failure") is not None or case.find("error") is not None:
        return "failed"
    return "skipped" if case.find("skipped") is not None else "passed"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--broken", type=int, default=0, help="steps that did not run at all")
    parser.add_argument("folder", type=pathlib.Path)
    arguments = parser.parse_args()

    counts = {"passed": 0, "failed": arguments.broken, "skipped": 0}
    for file in sorted(arguments.folder.glob("*.xml")):
        try:
            cases = list(ElementTree.parse(file).iter("testcase"))
        except ElementTree.ParseError as error:
            print(f"failed: {file.stem}: unreadable results: {error}")
            counts["failed"] += 1
            continue
        for case in cases:
            result = outcome(case)
            counts[result] += 1
            if result == "failed":
                print(f"failed: {file.stem}: {case.get('classname')} {case.get('name')}")
    if arguments.broken:
        print(f"failed: {arguments.broken} step(s) did not run; see above")
    if counts["skipped"]:
        print(f"{counts['skipped']} skipped")
    print(f"{counts['passed']} passed, {counts['failed']} failed")
    return 1 if counts["failed"] or not counts["passed"] else 0


if __name__ == "__main__":
    sys.exit(main())
