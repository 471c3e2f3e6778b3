"""The scripts that call the functions in an emulator and in containers fail if an answer is wrong, and stop everything they started."""

import contextlib
import io
import json
import pathlib
import sys
import unittest
from unittest import mock

import translated
from fake_tools import Folder

# Saves its process ID, and runs until it is stopped.
SERVER = 'echo $$ >>"$HERE/started"; exec /bin/sleep 60'
# Replaces Go, and builds a fake development server.
GO = 'echo "go $@" >>"$HERE/called"; [ "$1" = env ] && echo amd64 && exit; while [ "$1" != -o ]; do shift; done; mkdir -p "$(dirname "$2")"; cp "$HERE/devserver" "$2"; exit ${GO:-0}'


def still_running(folder):
    return [number for number in (folder.path / "started").read_text().split() if pathlib.Path("/proc", number).exists()]


class Emulated(unittest.TestCase):
    def emulated(self, **variables):
        folder = Folder(self, ".ci/emulated", "Makefile")
        folder.write({f"functions/{name}/main.go": "" for name in ("portal", "webhook")})
        folder.tool(".ci/release", 'echo "release $@" >>"$HERE/called"; exit ${RELEASE:-0}')
        folder.tool("devserver", SERVER)
        folder.tool("emulator", f'HERE="${{HOME%/out}}"; {SERVER}')  # its environment has few variables
        # It waits for the processes in the background.
        wait = 'for _ in $(seq 500); do [ $(wc -l <"$HERE/started") -lt 3 ] || break; /bin/sleep 0.01; done'
        folder.tool("python", wait + '; echo "$@" >"$HERE/asked"; echo "what it found"; exit ${PYTHON:-0}')
        folder.tools(go=GO, node=f"echo http://issuer; {SERVER}", curl="exit", python3="echo 4711")
        here = folder.path
        return folder, *folder.run(here / ".ci/emulated", here / "python", here / "emulator", here / "out", here / "npm", **variables)

    def test_the_exit_status_is_the_status_of_the_calls(self):
        for wanted in ("0", "7"):
            folder, status, said = self.emulated(PYTHON=wanted)
            self.assertEqual((str(status), said), (wanted, "what it found\n"))
            self.assertEqual((folder.path / "asked").read_text().split(), ["-B", ".ci/template/emulated.py", *["http://127.0.0.1:4711"] * 2, f"{folder.path}/out", "http://issuer"])
            self.assertEqual(len((folder.path / "started").read_text().split()), 3)
            self.assertEqual(still_running(folder), [])

    def test_without_functions_nothing_is_called(self):
        for part in ("GO", "RELEASE"):
            folder, status, _ = self.emulated(**{part: "1"})
            self.assertEqual(status, 1)
            self.assertFalse((folder.path / "asked").exists())

    def test_the_functions_are_built_with_the_tags_of_a_release(self):
        folder, _, _ = self.emulated()
        built = [line for line in (folder.path / "called").read_text().splitlines() if "Function" in line and line.startswith("go ")]
        [tags] = [line.split(":= ")[1] for line in (translated.ROOT / "Makefile").read_text().splitlines() if line.startswith("TAGS ")]
        for name, line in zip(("portal", "webhook"), built, strict=True):
            self.assertIn(f" -tags {tags} ", line)
            self.assertTrue(line.endswith(f" ./functions/{name}"), line)

    def test_a_wrong_answer_ends_the_calls(self):
        with mock.patch.object(sys, "argv", ["emulated.py", "http://127.0.0.1:1", "http://127.0.0.1:1", "/nowhere", "http://127.0.0.1:1"]):
            import emulated
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            emulated.expect("alice", (303, True), (303, True))
            for wrong in (404, None, "303", True):
                with self.assertRaisesRegex(SystemExit, "want 303"):
                    emulated.expect("bob", wrong, 303)
        self.assertEqual(said.getvalue().splitlines(), ["ok  alice: (303, True)", *[f"NOT  bob: {wrong}" for wrong in (404, None, "303", True)]])


# The status of each event's answer, and the other calls.
RIGHT = {
    "portal": 303, "form": 303, "json": 200, "payment-method-update": 303, "subscription-cancel": 303, "subscription-update": 303,
    "subscription-update-confirm": 303, "billing-status": 200, "missing-token": 401, "expired-token": 401, "payload-v1": 500, "eventbridge": "none",
    "signed": 200,
}  # fmt: skip
THROUGH_THE_API = {"POST, through the API": 303, "POST without a token": 401, "GET of the status": 200, "GET of the button": 200}


class SamLocal(unittest.TestCase):
    def samlocal(self, answers, through, fails="no", **variables):
        """Runs the script with a `sam` that gives these answers. Returns the exit status, the result of each check, and the output."""
        folder = Folder(self, ".ci/samlocal", "local/env.json")
        for event in (translated.ROOT / "events").glob("*.json"):
            folder.write({f"events/{event.name}": '{"headers": {"authorization": "token"}}'})
        folder.write({".aws-sam/build/template.yaml": "- arm64\n", "rapid/aws-lambda-rie-x86_64": "", "answers/none": "null"})
        for name, status in answers.items():
            folder.write({f"answers/{name}": "null" if status == "none" else json.dumps({"statusCode": status})})
        folder.tool("devserver", f'case $1 in events) exit;; esac; echo "billing portal is at http://$2"; {SERVER}')
        folder.tool("python", 'case $2 in *LambdaImage*) echo image;; *samcli*) echo "$HERE/rapid";; *bind*) echo 4711;; *authorization*) echo token;; *) exec ' + sys.executable + ' -S "$@";; esac')
        folder.tool("sam", f'case $2 in start-api) {SERVER};; esac; name=$(basename "$5" .json); [ "$name" != {fails} ] || exit 1; echo log; cat "$HERE/answers/$name"')
        post, refused, billing, button = through.values()
        folder.tools(
            go=GO, dockerd=SERVER, busybox="exit", ip="exit", make="echo not built; exit ${MAKE:-0}", uname="echo x86_64",
            docker='case "$1 $2" in "network create") echo network;; "network inspect") echo 127.0.0.1;; *) cat >/dev/null;; esac',
            curl=f'case "$*" in *button*) printf {button};; *status*) printf {billing};; *Authorization*) printf {post};; *POST*) printf {refused};; esac',
        )  # fmt: skip
        status, said = folder.run(folder.path / ".ci/samlocal", folder.path / "sam", folder.path / "python", **variables)
        self.assertEqual(still_running(folder), [])
        found = dict(line[6:].split(": ", 1) for line in said.splitlines() if line.startswith(("ok  ", "FAIL")))
        return status, found, said

    def test_right_answers_pass(self):
        status, found, said = self.samlocal(RIGHT, THROUGH_THE_API)
        self.assertEqual(status, 0, said)
        names = {name: str(status) for name, status in RIGHT.items() if name != "signed"} | {"a signed event": "200"}
        self.assertEqual(found, names | {name: str(status) for name, status in THROUGH_THE_API.items()})

    def test_each_wrong_answer_fails(self):
        wrong = {name: 200 if status == 500 else 500 for name, status in RIGHT.items()}
        status, found, said = self.samlocal(wrong, dict.fromkeys(THROUGH_THE_API, 500), fails="json")
        self.assertEqual(status, 1)
        self.assertEqual(said.count("FAIL  "), len(RIGHT) + len(THROUGH_THE_API))
        self.assertEqual(found["json"], "failed, not 200")
        self.assertEqual(found["missing-token"], "500, not 401")

    def test_one_wrong_answer_fails(self):
        for name in ("portal", "signed"):
            status, _, said = self.samlocal(RIGHT | {name: 502}, THROUGH_THE_API)
            self.assertEqual((status, said.count("FAIL  ")), (1, 1), said)

    def test_without_functions_nothing_is_called(self):
        self.assertEqual(self.samlocal(RIGHT, THROUGH_THE_API, MAKE="2"), (1, {}, "not built\n"))


if __name__ == "__main__":
    unittest.main()
