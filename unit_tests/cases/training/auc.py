# AUROC, average precision and the best F1 of scores that lie close together: the true values are 1.
import os, shutil, subprocess, sys, tempfile

A = os.environ.get('AUREOLE', 'aureole')
if '/' in A: A = os.path.abspath(A)
here = os.path.dirname(os.path.abspath(__file__))
work = tempfile.mkdtemp(prefix='aureole-case-')
for name in ('auc.yaml', 'auc.h5', 'auc_a.h5', 'auc_b.h5'): shutil.copy(os.path.join(here, name), work)
os.chdir(work)
MPI = os.environ.get('MPIRUN', 'mpirun --oversubscribe --bind-to none').split()
os.environ.setdefault('OMP_NUM_THREADS', '1')
right = True
for ranks, keys in ((1, ()), (2, ('parallel.spatial.tiles=[2, 1]',)), (2, ('train.micro_batches=2', 'parallel.data=2'))):
    for file in ('auc_a.h5', 'auc_b.h5'):
        command = [A, 'run', 'auc.yaml', f'train.init.file={file}', *keys]
        if ranks > 1: command = [*MPI, '-np', str(ranks), *command]
        p = subprocess.run(command, capture_output=True, text=True)
        values = open('runs/auc/metrics.csv').read().splitlines()[-1].split(',')[-3:] if p.returncode == 0 else []
        print(file, *keys, 'auroc, auprc, best_f1:', *values)
        right = right and [float(v) for v in values] == [1, 1, 1]
print('right' if right else 'wrong')
sys.exit(0 if right else 1)
