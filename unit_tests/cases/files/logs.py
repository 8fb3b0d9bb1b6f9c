# No line of an earlier part of a run is lost, whenever the run that goes on is killed; lines that cannot be written are told.
import time
from common import *


def rows(name='out/metrics.csv'):
    return read(name).splitlines()


write('deck.yaml', DECK)
expect('a run', aureole('run', 'deck.yaml')[0] == 0)
before = rows(), rows('out/metrics.jsonl')
for pause in (0, 0.02, 0.1, 0.3):
    process = start('run', 'deck.yaml', 'train.steps=1000000', 'train.log_every=100000', 'train.checkpoint.every=0')
    process.stdout.readline()
    time.sleep(pause)
    process.kill()
    process.communicate()
    expect('killed before its first line, after %.2f s' % pause, (rows(), rows('out/metrics.jsonl')) == before)

# what is done again is kept apart
os.remove('out/checkpoints/step_0000000006.h5')
code, output, error = aureole('run', 'deck.yaml')
expect('a run that goes on', code == 0 and 'resumed after step 3' in output, error)
steps = [row.split(',')[:2] for row in rows()]
expect('every step once', steps == [row.split(',')[:2] for row in before[0]], steps)
expect('the earlier ones are kept', rows('out/metrics.superseded.csv') == before[0][:1] + before[0][4:])
expect('in both formats', rows('out/metrics.superseded.jsonl') == before[1][3:])

# profiles and plans leave the log alone
now = rows()
expect('a profile', aureole('run', 'deck.yaml', '--profile', 'train.resume=never')[0] == 0 and rows() == now)

# a damaged line
write('out/metrics.csv', read('out/metrics.csv').replace('train,2,', 'train,zwei,'))
code, _, error = aureole('run', 'deck.yaml', 'train.steps=9')
expect('a damaged line ends no run', code == 0, error)
expect('and is told', error.count('damaged') == 1, error)
expect('the curves are drawn', '<polyline' in read('out/curves.svg'))

# a disk that is full for the log
expect('a longer log', aureole('run', 'deck.yaml', 'train.steps=300', 'data.eval=null')[0] == 0)
limit = os.path.getsize('out/metrics.csv') + 150
got = aureole('run', 'deck.yaml', 'train.steps=400', 'train.checkpoint.every=0', 'data.eval=null', limit=limit)
expect('missing lines are exit code 6', got[0] == 6 and 'are missing' in got[2].splitlines()[-1], '%s %s' % (got[0], got[2]))
expect('told when it happens', got[2].count('aureole: a line of') == 2, got[2])
expect('after all steps', 'step 400/400' in got[1], got[1][-300:])
expect('in whole lines', read('out/metrics.csv').endswith('\n') and all(row.count(',') == 9 for row in rows()))
done()
