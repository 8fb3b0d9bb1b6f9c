# Loss and gradients with labels that do not count, in parts of a batch, replicas and tiles, against PyTorch's mean
# mean over all that count (python3-torch).
import os, shutil, subprocess, sys, tempfile
import h5py, numpy as np

A = os.environ.get('AUREOLE', 'aureole')
if '/' in A: A = os.path.abspath(A)
here = os.path.dirname(os.path.abspath(__file__))
work = tempfile.mkdtemp(prefix='aureole-case-')
for name in ('seg.yaml', 'seg.h5'): shutil.copy(os.path.join(here, name), work)
os.chdir(work)
import torch, torch.nn.functional as F

MPI = os.environ.get('MPIRUN', 'mpirun --oversubscribe --bind-to none').split()
os.environ.setdefault('OMP_NUM_THREADS', '1')


def check(ranks, label, *keys):
    command = [A, 'run', 'seg.yaml', *keys, '--dump', 'o.h5']
    if ranks > 1: command = [*MPI, '-np', str(ranks), *command]
    p = subprocess.run(command, capture_output=True, text=True)
    if p.returncode != 0:
        print(*keys, 'exit', p.returncode, p.stdout[-500:], p.stderr[-500:])
        return False
    with h5py.File('o.h5') as f, h5py.File('seg.h5') as data:
        x = torch.tensor(data['x'][...].astype('f8')).permute(0, 3, 1, 2)
        y = torch.tensor(data['y255' if label == 255 else 'y0'][...].astype('i8'))
        parameters = {}
        for k in ('conv1.weight', 'conv1.bias', 'conv2.weight', 'conv2.bias'):
            v = torch.tensor(f['parameters/' + k][...].astype('f8'))
            v = v.permute(4, 3, 0, 1, 2)[:, :, 0] if 'weight' in k else v.reshape(-1)
            parameters[k] = v.clone().requires_grad_(True)
        P = parameters
        z = F.conv2d(F.relu(F.conv2d(x, P['conv1.weight'], P['conv1.bias'], padding=1)), P['conv2.weight'], P['conv2.bias'], padding=1)
        loss = F.cross_entropy(z, y, ignore_index=label)
        loss.backward()
        worst = abs(float(f['loss'][...].ravel()[0]) - loss.item()) / loss.item()
        for k, v in parameters.items():
            g = f['gradients/' + k][...].astype('f8')
            g = g.transpose(4, 3, 0, 1, 2)[:, :, 0] if 'weight' in k else g.ravel()
            worst = max(worst, np.linalg.norm(g - v.grad.numpy()) / np.linalg.norm(v.grad.numpy()))
    print('ignored', label, *keys[3:], f'on {ranks}: largest relative difference {worst:.2e}')
    return worst < 1e-12


right = True
for label in (0, 255):
    name = 'y255' if label == 255 else 'y0'
    deck = (f'data.train.y={name}', f'data.eval.y={name}', f'train.loss.ignore_index={label}')
    for ranks, keys in ((1, ()), (1, ('train.micro_batches=2',)), (1, ('train.micro_batches=4',)),
                        (2, ('train.micro_batches=2', 'parallel.data=2')), (2, ('parallel.spatial.tiles=[1, 2]',)),
                        (2, ('train.micro_batches=4', 'parallel.spatial.tiles=[2, 1]'))):
        right = check(ranks, label, *deck, *keys) and right
print('right' if right else 'wrong')
sys.exit(0 if right else 1)
