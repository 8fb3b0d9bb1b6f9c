# softmax_cross_entropy over one channel trains nothing: an error of the deck.
from common import *

write('x.h5', x=rng.normal(size=(4, 8, 8)).astype('f4'), y=np.zeros((4, 8, 8), 'u1'))
deck(classes=1)
run('check', 'd.yaml', code=2, words=['softmax', 'bce_with_logits'])
run('run', 'd.yaml', code=2, words=['softmax', 'bce_with_logits'])
run('run', 'd.yaml', 'train.loss=bce_with_logits')
done()
