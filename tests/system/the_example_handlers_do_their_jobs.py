"""Each example whose interpreter is here, with its own configuration as it is installed, behind a proxy."""
import glob
import os
import re
import shutil
from lib.bench import Bench, PROGRAMS
from lib.job_options import ROOT, answer, options, place

FOLDER_OF = {"/usr/local/share/doc/policypool/examples/": f"{ROOT}/examples/", "/usr/local/lib/policypool/": f"{PROGRAMS}/modules/"}


def conf_of(b, path):
    """The configuration, its files where a job process can read them; or None where the interpreter is missing."""
    text = open(path).read()
    program = re.search(r'handler_command = {"([^"]+)"', text)
    if program and not program[1].startswith("/usr/local/") and shutil.which(program[1]) is None:
        return None
    folder = os.path.basename(os.path.dirname(path))
    for installed, here in FOLDER_OF.items():
        text = re.sub(re.escape(installed) + r'[^"\s]+', lambda m: place(here + m[0][len(installed):], f"{folder}-{os.path.basename(m[0])}"), text)
    return b.file(f"{folder}.conf", text)


with Bench() as b:
    proxy = b.proxy()
    tried = []
    for path in sorted(glob.glob(f"{ROOT}/examples/handlers/*/*.conf")):
        folder = os.path.basename(os.path.dirname(path))
        conf = conf_of(b, path)
        if conf is None:
            print(f"{folder}: its interpreter is not installed")
            continue
        server = b.server(folder, folder, proxy, options=["-c", conf, *options(), "--job", folder])
        if folder == "redact":
            assert answer(proxy, "pay 4111 1111 1111 1111 to jane@example.org", folder) == "pay [card] to [email]"
        else:
            assert answer(proxy, "hello \"w\u00f6rld\"\n", folder) in ("HELLO \"W\u00d6RLD\"\n", "HELLO \"W\u00f6RLD\"\n"), folder
            assert answer(proxy, "", folder) == "", folder
        if folder not in ("sh", "redact"):
            said = answer(proxy, "aGVsbG8=", folder, encoding="base64")
            assert said == "handler-failed: handler: this handler takes text only", said
        tried.append(folder)
    assert {"sh", "c", "redact"} <= set(tried), tried
