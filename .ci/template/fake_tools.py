"""Fakes of the tools that the scripts of .ci call: short shell scripts in a folder that comes first in PATH."""

import os
import pathlib
import shutil
import subprocess
import tempfile

import translated


class Folder:
    """A temporary folder with copies of the scripts under test."""

    def __init__(self, case, *scripts):
        folder = tempfile.TemporaryDirectory()
        case.addCleanup(folder.cleanup)
        self.path = pathlib.Path(folder.name).resolve()
        for script in scripts:
            (self.path / script).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(translated.ROOT / script, self.path / script)

    def write(self, files):
        for name, text in files.items():
            (self.path / name).parent.mkdir(parents=True, exist_ok=True)
            (self.path / name).write_text(text)

    def tools(self, **scripts):
        """Writes commands that are found before the real ones."""
        for name, script in scripts.items():
            self.tool(f"bin/{name}", script)

    def tool(self, name, script):
        self.write({name: f"#!/bin/sh\n{script}\n"})
        (self.path / name).chmod(0o755)

    def run(self, *command, **variables):
        """Runs a command, and returns its exit status and output."""
        environment = os.environ | {"PATH": f"{self.path}/bin:{os.environ['PATH']}", "HERE": str(self.path)} | variables
        done = subprocess.run(command, cwd=self.path, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        return done.returncode, done.stdout
