# Outputs are regular files: written beside the old ones, which stay whole where anything fails; looked at before the work.
import stat
from common import *

write('deck.yaml', DECK)
write('seg.yaml', '''name: seg
model: {name: layers, layers: [{conv: {filters: 2, kernel: 3}}]}
image: {size: [64, 64], channels: 1}
data: {train: {kind: synthetic, samples: 4}, eval: {kind: synthetic, samples: 4}}
train: {batch: 4, steps: 1, optimizer: {name: sgd, lr: 0.01}}
output: {folder: seg}
''')
TILES = 'model.layers=[{conv: {filters: 4, kernel: 3, unit: true}}, {conv: {filters: 4, kernel: 3, unit: true}}, ' \
        '{global_pool: }, {linear: {features: 3}}]'
PIXELS = bytes(range(256)) * 16
header = "{'descr': '|u1', 'fortran_order': False, 'shape': (64, 8, 8), }"
header += ' ' * (-(len(header) + 11) % 64) + '\n'
NPY = b'\x93NUMPY\x01\x00' + len(header).to_bytes(2, 'little') + header.encode() + PIXELS
write('x.npy', NPY)
OUTPUTS = {
    '--dump': lambda name: ('run', 'deck.yaml', '--dump', name),
    'output.dump.file': lambda name: ('run', 'deck.yaml', 'output.dump.file=' + name),
    '--trace': lambda name: ('run', 'deck.yaml', '--trace', name),
    '--timeline': lambda name: ('plan', 'deck.yaml', TILES, 'parallel.stages=2', '--timeline', name),
    '--seams': lambda name: ('verify', 'deck.yaml', '--seams', name),
    'convert -o': lambda name: ('convert', 'npy', 'x.npy', '-o', name),
}
os.mkdir('folder')
os.mkfifo('pipe')
# never a real device: a program that is wrong would replace it
os.symlink('pipe', 'link')
DEVICES = ['pipe', 'link']
if os.geteuid() == 0:
    os.mknod('device', stat.S_IFCHR | 0o666, os.makedev(1, 3))
    os.symlink('device', 'to_device')
    DEVICES += ['device', 'to_device']
os.symlink('nowhere', 'dangling')
write('file', 'text')
for option, arguments in OUTPUTS.items():
    for name in (*DEVICES, 'folder', 'dangling', 'folder/', 'file/below', 'deck.yaml', 'x.npy'):
        if name == ('x.npy' if option != 'convert -o' else 'deck.yaml'):
            continue
        expect_refused('%s %s' % (option, name), 6, aureole(*arguments(name)), name.rstrip('/'))
    expect('%s: nothing was done before' % option, not os.path.exists('out'))
    shell('rm -rf out')
    code, _, error = aureole(*arguments('new/result'))
    expect('%s writes' % option, code == 0, error)
    shell('rm -rf out new')
expect('nothing was replaced', not any(stat.S_ISREG(os.stat(name).st_mode) for name in DEVICES) and
       os.path.islink('link') and read('file') == 'text' and read('deck.yaml') == DECK and not os.path.exists('nowhere'))

# a converter whose output is one of its sources, by any name
os.link('x.npy', 'hard')
os.symlink('x.npy', 'soft')
os.mkdir('images')
write('images/x.npy.part', NPY)
for sources, output in ((['npy', 'x.npy'], './x.npy'), (['npy', 'x.npy'], 'hard'), (['npy', 'x.npy'], 'soft'),
                        (['npy', 'soft'], 'x.npy'), (['npy', 'images/x.npy.part'], 'images/x.npy'),
                        (['npy', 'x.npy', '--labels', 'hard'], 'hard'), (['folder', 'images'], 'images/x.npy.part')):
    expect_refused('convert %s -o %s' % (' '.join(sources), output), 6, aureole('convert', *sources, '-o', output), output, 'is read')
with open('x.npy', 'rb') as file:
    expect('the source is whole', file.read() == NPY)

# a full disk leaves the old file whole
for option in ('--dump', '--trace', '--timeline', 'convert -o'):
    write('result', 'old')
    got = aureole(*OUTPUTS[option]('result'), limit=1500)
    expect('%s to a full disk' % option, got[0] == 6 and read('result') == 'old' and not os.path.exists('result.part'),
           'exit code %s: %s' % (got[0], got[2]))
    shell('rm -rf out')
ENDS = {'predictions.png': b'IEND\xaeB`\x82', 'summary.json': b'\n  }\n}\n', 'curves.svg': b'</svg>\n', 'deck.yaml': b'\n'}
expect('a first run', aureole('run', 'seg.yaml')[0] == 0)
before = {}
for name in ENDS:
    with open('seg/' + name, 'rb') as file:
        before[name] = file.read()
codes, torn = set(), []
most = 2 * max([os.path.getsize('seg/final.h5'), *map(len, before.values())])
for limit in range(0, most, most // 25):
    codes.add(aureole('run', 'seg.yaml', limit=limit)[0])
    for name, end in ENDS.items():
        with open('seg/' + name, 'rb') as file:
            if not file.read().endswith(end):
                torn.append((limit, name))
    torn += [(limit, name) for name in os.listdir('seg') if name.endswith('.part')]
expect('full disks end runs plainly', codes == {0, 6}, codes)
expect('and leave whole files', not torn, torn)
done()
