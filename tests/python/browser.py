"""Opens a page in headless Chromium and says what is wrong with it; writes screenshots of it.

browser.py CHROMIUM PAGE DIRECTORY: prints JSON {"errors": [...], "views": {name: {...}}}.
"""

import base64
import json
import os
import signal
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

from websockets.sync.client import connect

# Name, width, height, colour scheme, medium.
VIEWS = [
    ("phone", 390, 844, "light", "screen"),
    ("desktop", 1280, 900, "light", "screen"),
    ("dark", 1280, 900, "dark", "screen"),
    ("phone-dark", 390, 844, "dark", "screen"),
    ("print", 794, 1123, "light", "print"),
]

# What can be seen from within the page only.
CHECK = """
(async () => {
  const images = [...document.images];
  await Promise.all(images.map(image => image.decode().catch(() => 0)));
  const wide = [...document.querySelectorAll('body *')].filter(element => {
    const box = element.getBoundingClientRect();
    return box.right > innerWidth + 1 && !element.closest('.scroll, pre');
  });
  const levels = [...document.querySelectorAll('h1, h2, h3, h4')].map(h => +h.tagName[1]);
  return {
    images: images.length,
    broken: images.filter(image => image.naturalWidth === 0).map(image => image.alt),
    without_alt: images.filter(image => !image.alt).length,
    scripts: document.scripts.length,
    tables_without_head: [...document.querySelectorAll('table')].filter(t => !t.querySelector('thead th')).length,
    headings_skipped: levels.filter((level, i) => level > (levels[i - 1] ?? 0) + 1).length,
    language: document.documentElement.lang,
    width: document.scrollingElement.scrollWidth,
    window: innerWidth,
    wide: wide.slice(0, 5).map(element => element.outerHTML.slice(0, 120)),
    sections: [...document.querySelectorAll('h2')].map(h => h.textContent),
    title: document.title,
    text: document.body.innerText,
  };
})()
"""


class Page:
    """A tab, spoken to by the DevTools protocol."""

    def __init__(self, socket):
        self.socket = socket
        self.number = 0
        self.events = []

    def call(self, method, **parameters):
        self.number += 1
        self.socket.send(
            json.dumps({"id": self.number, "method": method, "params": parameters})
        )
        while True:
            message = json.loads(self.socket.recv(timeout=60))
            if message.get("id") == self.number:
                if "error" in message:
                    raise RuntimeError(f"{method}: {message['error']}")
                return message["result"]
            self.events.append(message)

    def wait(self, event):
        while not any(message.get("method") == event for message in self.events):
            self.events.append(json.loads(self.socket.recv(timeout=60)))

    def errors(self):
        """Exceptions, errors in the console, and everything that went over the network."""
        found = []
        for message in self.events:
            method, about = message.get("method"), message.get("params", {})
            if method == "Runtime.exceptionThrown":
                found.append(about["exceptionDetails"]["text"])
            elif method == "Log.entryAdded" and about["entry"]["level"] in ("error", "warning"):
                found.append(about["entry"]["text"])
            elif method == "Runtime.consoleAPICalled" and about["type"] in ("error", "warning"):
                found.append(str(about["args"]))
            elif method == "Network.requestWillBeSent":
                address = about["request"]["url"]
                if not address.startswith(("file:", "data:")):
                    found.append(f"a request to {address}")
        return found


def started(chromium, profile):
    """The browser, and the address of its first tab."""
    process = subprocess.Popen(
        [
            chromium,
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
            "--remote-debugging-port=0",
            f"--user-data-dir={profile}",
            "about:blank",
        ],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        return process, first_tab(process)
    except BaseException:
        end(process)
        raise


def first_tab(process):
    """The address of the browser's first tab, once it has one."""
    said = []
    for line in process.stderr:
        said.append(line)
        if "DevTools listening on ws://" in line:
            host = line.split("ws://")[1].split("/")[0]
            with urllib.request.urlopen(f"http://{host}/json") as answer:
                tabs = json.load(answer)
            tab = next(tab for tab in tabs if tab["type"] == "page")
            return tab["webSocketDebuggerUrl"]
    raise RuntimeError(f"the browser did not start: {''.join(said[-5:])}")


def end(process):
    """Ends the browser, then what it started and left: it leads a process group of its own."""
    process.terminate()
    process.wait()
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass


def look(page, address, directory):
    for domain in ("Page", "Runtime", "Log", "Network"):
        page.call(f"{domain}.enable")
    views = {}
    for name, width, height, scheme, medium in VIEWS:
        page.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=2 if width < 500 else 1,
            mobile=width < 500,
        )
        page.call(
            "Emulation.setEmulatedMedia",
            media=medium,
            features=[{"name": "prefers-color-scheme", "value": scheme}],
        )
        page.events = [e for e in page.events if e.get("method") != "Page.loadEventFired"]
        page.call("Page.navigate", url=address)
        page.wait("Page.loadEventFired")
        answer = page.call(
            "Runtime.evaluate", expression=CHECK, awaitPromise=True, returnByValue=True
        )
        if "exceptionDetails" in answer:
            raise RuntimeError(str(answer["exceptionDetails"]))
        views[name] = answer["result"]["value"]
        shot = page.call("Page.captureScreenshot", captureBeyondViewport=True)
        (directory / f"{name}.png").write_bytes(base64.b64decode(shot["data"]))
    pdf = page.call("Page.printToPDF", printBackground=False, paperWidth=8.27, paperHeight=11.69)
    (directory / "print.pdf").write_bytes(base64.b64decode(pdf["data"]))
    return {"errors": page.errors(), "views": views}


def main():
    chromium, file, directory = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    directory.mkdir(parents=True, exist_ok=True)
    # The browser's helpers may still write to the profile while it is removed.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        process, address = started(chromium, profile)
        try:
            with connect(address, max_size=None) as socket:
                found = look(Page(socket), file.absolute().as_uri(), directory)
        finally:
            end(process)
    json.dump(found, sys.stdout)


main()
