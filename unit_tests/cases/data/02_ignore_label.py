# ignore_index: 255 with labels that hold 255 (VOC, Cityscapes), -1, and values that label_map makes.
from common import *
import sys
y = rng.integers(0, 2, (4, 8, 8), dtype='u1'); y[:, :2] = 255
write('x.h5', x=rng.integers(0, 255, (4, 8, 8), dtype='u1'), y=y, v=np.where(y == 255, -1, y).astype('i4'))
deck(loss='{name: softmax_cross_entropy, ignore_index: 255}')
bce = ('model={layers: [{conv: {filters: 1, kernel: 1}}]}', 'data.ignore_label=255', 'train.loss=[bce_with_logits, dice]')
MAP = 'data.train.label_map={0: 0, 1: 1, 255: %d}'
LOSS = 'train.loss={name: softmax_cross_entropy, ignore_index: -1}'
right = [run('check', 'd.yaml', lines=1).returncode == 0]
for more in ((), (MAP % 255,), (MAP % -1, LOSS), ('data.train.y=v', LOSS),
             ('data.train.label_threshold=0.5',), ('train.loss=softmax_cross_entropy', 'data.ignore_label=255'), bce):
    right.append(run('run', 'd.yaml', 'train.resume=never', *more).returncode == 0)
different = run('check', 'd.yaml', 'data.ignore_label=7')
right.append(different.returncode == 2 and 'ignore_index is 255 (data.ignore_label is 7' in different.stdout + different.stderr)
refused = run('run', 'd.yaml', 'train.resume=never', 'train.loss=softmax_cross_entropy')
right.append(refused.returncode == 6)
print('right' if all(right) else f'wrong: {right}')
sys.exit(0 if all(right) else 1)
