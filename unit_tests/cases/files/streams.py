# Readers that go away, full disks behind the standard streams, and streams that are closed.
from common import *

write('deck.yaml', DECK)

# a reader that goes away does not end a run
process = start('run', 'deck.yaml', 'train.steps=300')
process.stdout.readline()
process.stdout.close()
error = process.stderr.read()
expect('a run outlives its reader', process.wait(timeout=60) == 0, 'exit code %s: %s' % (process.returncode, error))
expect('its record is whole', read('out/metrics.csv').count('\ntrain,') == 300)

# closed streams: nothing that is printed lands in a file
for closed in ('>&-', '2>&-', '>&- 2>&-', '<&- >&- 2>&-'):
    shell('rm -rf out')
    code, _, error = shell('"$A" run deck.yaml ' + closed)
    rows = read('out/metrics.csv').splitlines()
    expect('a run with %s' % closed, code == 0 and len(rows) == 8 and all(row.startswith(('kind,', 'train,', 'eval,')) for row in rows),
           'exit code %d: %s %s' % (code, error, rows))
    _, files, _ = shell('grep -l "images/s  \\|s/step" -r out')
    expect('no line lands in a file', not files, files)

# full disks
for streams in ('>/dev/full', '2>/dev/full', '>/dev/full 2>/dev/full'):
    shell('rm -rf out')
    code, _, error = shell('"$A" run deck.yaml ' + streams)
    expect('a run with %s' % streams, code == 0, 'exit code %d: %s' % (code, error))
    code, _, error = shell('"$A" run deck.yaml train.btch=1 ' + streams)
    expect('a bad deck with %s' % streams, code == 2, 'exit code %d: %s' % (code, error))
for verb in ('info', 'info --deck-reference', 'info --json-schema', 'info --grid deck.yaml', 'check deck.yaml', 'plan deck.yaml',
             'verify deck.yaml', '--help', '--version', 'run deck.yaml --profile'):
    for nowhere in ('>/dev/full', '>&-'):
        got = shell('"$A" %s %s 2>error.txt; code=$?; grep -v "^comparing: \\|^evaluation: " error.txt >&2; exit $code' % (verb, nowhere))
        expect_refused('%s %s' % (verb, nowhere), 6, got, 'output was not written')

# what goes wrong is told after what was printed before it
code, output, _ = shell('"$A" check deck.yaml "memory.limit=1 KiB" 2>&1')
expect('order of the streams', code == 3 and output.strip().splitlines()[-1].startswith('aureole: '), output[-300:])
done()
