"""The judges that come from npm: pinned in package.json, installed once into the build directory."""

import hashlib
import os
import pathlib
import shutil
import subprocess

HERE = pathlib.Path(__file__).resolve().parent
OLDEST_NODE = 18
INSTALL_TIMEOUT_S = 240


def run(*command, cwd=None, timeout=120):
    done = subprocess.run([str(part) for part in command], cwd=cwd, capture_output=True, text=True,
                          timeout=timeout)
    assert done.returncode == 0, f"{' '.join(map(str, command))}:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


class NodeTools:
    def __init__(self, build):
        self._directory = pathlib.Path(build).resolve() / "conformance-npm"
        for program in ("node", "npm"):
            assert shutil.which(program), f"{program} is missing; scripts/setup test installs it"
        version = run("node", "--version").strip()
        assert int(version.lstrip("v").split(".")[0]) >= OLDEST_NODE, f"node {version} is too old"
        self._install()

    def _install(self):
        files = [HERE / "package.json", HERE / "package-lock.json"]
        wanted = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
        stamp = self._directory / "installed"
        if stamp.is_file() and stamp.read_text() == wanted:
            return
        shutil.rmtree(self._directory, ignore_errors=True)
        self._directory.mkdir(parents=True)
        for file in files:
            shutil.copy(file, self._directory)
        # Without its packages this suite judges nothing, so that no network is a failure.
        run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline", cwd=self._directory,
            timeout=INSTALL_TIMEOUT_S)
        stamp.write_text(wanted)

    def command(self, name):
        return str(self._directory / "node_modules" / ".bin" / name)

    def environment(self):
        return {**os.environ, "NODE_PATH": str(self._directory / "node_modules"), "NO_COLOR": "1"}
