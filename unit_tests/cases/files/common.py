"""Starts the program in a scratch folder and looks at what it says and writes."""
import os
import resource
import subprocess
import sys

sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
from scratch import A, done, expect

DECK = '''name: t
model: {name: layers, layers: [{conv: {filters: 4, kernel: 3}}, relu: , global_pool: , {linear: {features: 3}}]}
image: {size: [8, 8], channels: 1}
data: {train: {kind: synthetic, samples: 16}, eval: {kind: synthetic, samples: 8}}
train:
  batch: 4
  steps: 6
  log_every: 1
  metrics: [accuracy]
  optimizer: {name: sgd, lr: 0.01}
  checkpoint: {every: 3}
output: {folder: out}
'''


def write(path, text):
    with open(path, 'wb' if isinstance(text, bytes) else 'w') as file:
        file.write(text)


def read(path):
    with open(path) as file:
        return file.read()


def start(*arguments, limit=None, **streams):
    """`limit`: bytes that no file may pass, as on a disk that is full."""
    def prepare():
        if limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    for name in ('stdout', 'stderr'):
        streams.setdefault(name, subprocess.PIPE)
    # SIGPIPE and SIGXFSZ, which Python ignores, end a child again: the program must see to them itself
    return subprocess.Popen([A, *arguments], text=True, preexec_fn=prepare, restore_signals=True, **streams)


def aureole(*arguments, **how):
    """Exit code, standard output, standard error."""
    process = start(*arguments, **how)
    output, error = process.communicate(timeout=120)
    return process.returncode, output or '', error or ''


def shell(command):
    """A line of the shell, in which $A is the program."""
    done = subprocess.run(['sh', '-c', command], env=dict(os.environ, A=A), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, timeout=120)
    return done.returncode, done.stdout, done.stderr


def expect_refused(what, code, got, *words):
    """Ends with the code and one line on the standard error that holds all words."""
    lines = got[2].strip().splitlines()
    good = got[0] == code and len(lines) == 1 and all(word in lines[0] for word in words)
    expect(what, good, 'exit code %s: %s' % (got[0], got[2]))
