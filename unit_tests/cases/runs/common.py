"""Starts runs, of one rank or several, and asks them to end, in a scratch folder."""
import os
import re
import signal
import subprocess
import sys
import time

sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
from scratch import A, done, expect

LAUNCH = os.environ.get('AUREOLE_MPIEXEC', 'mpirun --oversubscribe --bind-to none -np').split()
DECK = '''name: t
model: {name: layers, layers: [{conv: {filters: 8, kernel: 3}}, relu: , {conv: {filters: 3, kernel: 3}}]}
image: {size: [48, 48], channels: 1}
data: {train: {kind: synthetic, samples: 16}, eval: {kind: synthetic, samples: 40}}
train:
  batch: 4
  steps: 100000
  log_every: 10
  eval_every: 50
  loss: softmax_cross_entropy
  metrics: [accuracy]
  optimizer: {name: sgd, lr: 0.01}
  checkpoint: {every: 40}
output: {folder: out, pictures: 1}
'''
with open('deck.yaml', 'w') as file:
    file.write(DECK)


def start(*arguments, ranks=1, **environment):
    """A run in a process group of its own, which inherits no ignored signals; what it says goes to said.txt."""
    def prepare():
        for each in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
            signal.signal(each, signal.SIG_DFL)
    command = (LAUNCH + [str(ranks)] if ranks > 1 else []) + [A, *arguments]
    with open('said.txt', 'w') as said:
        return subprocess.Popen(command, stdout=said, stderr=subprocess.STDOUT, preexec_fn=prepare, start_new_session=True,
                                env=dict(os.environ, **environment))


def said():
    with open('said.txt') as file:
        return file.read()


def wait_for(text, process, seconds=60):
    """Until the run has said it."""
    until = time.time() + seconds
    while text not in said():
        if process.poll() is not None or time.time() > until:
            raise AssertionError('"%s" was not said:\n%s' % (text, said()))
        time.sleep(0.01)


def end_of(process, seconds=60):
    """Its exit code; None if it does not end."""
    try:
        return process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        return None


def status(folder='out'):
    try:
        with open(folder + '/status') as file:
            return dict(line.rstrip('\n').split(': ', 1) for line in file)
    except FileNotFoundError:
        return {}


def ranks_of(program=None):
    """Process ids of the ranks, by rank."""
    found = {}
    for pid in os.listdir('/proc'):
        try:
            with open('/proc/%s/environ' % pid) as file:
                variables = file.read()
            if os.path.realpath('/proc/%s/exe' % pid) != os.path.realpath(program or A):
                continue
            if os.path.realpath('/proc/%s/cwd' % pid) != os.getcwd():
                continue
            rank = re.search('(?:OMPI_COMM_WORLD_RANK|PMI_RANK)=([0-9]+)', variables)
        except OSError:
            continue
        if rank:
            found[int(rank.group(1))] = int(pid)
    return found
