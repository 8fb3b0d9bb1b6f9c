# A rank that is stopped at any moment ends the job within parallel.timeout, and is named; a whole job that is stopped goes on.
import random

from common import *

LIMIT = 2
random.seed(os.environ.get('AUREOLE_SEED', '1'))
TRIES = int(os.environ.get('AUREOLE_TRIES', '8'))


def begin():
    return start('run', 'deck.yaml', 'parallel.timeout=%d s' % LIMIT, 'parallel.spatial.tiles=[1,3]', 'train.resume=never',
                 'train.checkpoint.every=2', 'train.eval_every=5', 'data.eval.samples=8', 'train.log_every=1', ranks=3)


for _ in range(TRIES):
    process = begin()
    pause = random.choice([random.uniform(0, 0.5), random.uniform(0.3, 2)])
    time.sleep(pause)
    while len(ranks_of()) < 3 and process.poll() is None:
        time.sleep(0.01)
    rank, victim = random.choice(sorted(ranks_of().items()))
    os.kill(victim, signal.SIGSTOP)
    stopped = time.time()
    code = end_of(process, LIMIT + 20)
    took = time.time() - stopped
    text = said()
    expect('rank %d, stopped after %.2f s: exit code %s after %.1f s' % (rank, pause, code, took),
           code == 70 and took < LIMIT + 8 and 'parallel.timeout' in text, text[-600:])
    named = 'the start of ' in text or 'rank %d' % rank in ' '.join(line for line in text.splitlines() if 'waited' in line)
    expect('... is named', named, text[-600:])

process = begin()
wait_for('step 5/', process)
pids = list(ranks_of().values())
for pid in pids:
    os.kill(pid, signal.SIGSTOP)
time.sleep(2 * LIMIT)
for pid in pids:
    os.kill(pid, signal.SIGCONT)
time.sleep(1)
expect('a job that was suspended goes on', process.poll() is None, said()[-600:])
process.send_signal(signal.SIGUSR1)
expect('... and ends', end_of(process) == 5, said()[-300:])
done()
