# Class folders that differ between the conversions for training and evaluation number the classes differently.
from common import *
try:
    from PIL import Image
except ImportError:
    print('python3-pil is not installed: nothing tried')
    sys.exit(77)

for split, classes in (('train', 'abc'), ('eval', 'bc')):
    for c in classes:
        os.makedirs(f'{split}/{c}')
        Image.fromarray(rng.integers(0, 255, (8, 8), dtype='u1')).save(f'{split}/{c}/1.png')
    run('convert', 'folder', split, '-o', f'{split}.h5')
with open('d.yaml', 'w') as f:
    f.write('''name: t
model: {name: layers, layers: [global_pool, {linear: {features: 3}}]}
image: {size: [8, 8], channels: 1}
data: {train: {file: train.h5}, eval: {file: eval.h5}}
train: {batch: 2, steps: 1, loss: softmax_cross_entropy, optimizer: {name: sgd, lr: 0.1}}
''')
run('check', 'd.yaml', code=6, words=['train.h5', 'a, b, c', 'eval.h5', 'b, c'])
run('run', 'd.yaml', code=6, words=['train.h5', 'eval.h5'])
run('run', 'd.yaml', 'data.eval.file=train.h5')
run('run', 'd.yaml', 'data.eval.label_map={0: 1, 1: 2}', 'train.resume=never')
done()
