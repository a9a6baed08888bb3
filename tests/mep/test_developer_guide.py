"""The commands of docs/app-developer-guide.md, run as they stand against the real program."""

import os
import re
import signal
import subprocess

from mep_process import PROGRAM
from service_process import ROOT, free_port


def test_every_command_of_the_guide_works(tmp_path):
    with open(os.path.join(ROOT, "docs/app-developer-guide.md")) as file:
        blocks = re.findall(r"^```sh\n(.*?)^```$", file.read(), re.M | re.S)
    assert len(blocks) > 8
    script = "set -euo pipefail\n" + "\n".join(
        f"echo '--- block {number}'\n{block}" for number, block in enumerate(blocks))
    for text, instead in (("/tmp/try-mec", str(tmp_path)), ("build/mep/sluice-mep", PROGRAM)):
        script = script.replace(text, instead)
    for port in ("8080", "8081", "8090"):
        script = script.replace(port, str(free_port()))
    script = script.replace("state: ", f"metrics: {{port: {free_port()}}}\nstate: ", 1)
    with open(tmp_path / "output", "w+") as output:
        shell = subprocess.Popen(["bash"], stdin=subprocess.PIPE, text=True, stdout=output,
                                 stderr=output, cwd=ROOT, start_new_session=True)
        try:
            shell.stdin.write(script)
            shell.stdin.close()
            status = shell.wait(timeout=60)
        finally:
            os.killpg(shell.pid, signal.SIGKILL)
        output.seek(0)
        text = output.read()
    assert status == 0, text
    for expected in ("http://10.9.0.2/thumbnails", "STATE_CHANGED", "ws://", "412", "domainName",
                     "granted 30000000", "20000000 are left"):
        assert expected in text, f"no {expected} in:\n{text}"
