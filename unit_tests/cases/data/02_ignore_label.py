# ignore_index: 255 with labels that hold 255 (VOC, Cityscapes), -1, and values that label_map makes.
from common import *
y = rng.integers(0, 2, (4, 8, 8), dtype='u1'); y[:, :2] = 255
write('x.h5', x=rng.integers(0, 255, (4, 8, 8), dtype='u1'), y=y, v=np.where(y == 255, -1, y.astype('i4')))
deck(loss='{name: softmax_cross_entropy, ignore_index: 255}')
bce = ('model={layers: [{conv: {filters: 1, kernel: 1}}]}', 'data.ignore_label=255', 'train.loss=[bce_with_logits, dice]')
MAP = 'data.train.label_map={0: 0, 1: 1, 255: %d}'
LOSS = 'train.loss={name: softmax_cross_entropy, ignore_index: -1}'
run('check', 'd.yaml')
for more in ((), (MAP % 255,), (MAP % -1, LOSS), ('data.train.y=v', LOSS),
             ('data.train.label_threshold=0.5',), ('train.loss=softmax_cross_entropy', 'data.ignore_label=255'), bce):
    run('run', 'd.yaml', *more)
run('check', 'd.yaml', 'data.ignore_label=7', code=2, words=['ignore_index is 255 (data.ignore_label is 7'])
run('run', 'd.yaml', 'train.loss=softmax_cross_entropy', code=6, words=['label 255', 'data.ignore_label'])
done()
