#!/usr/bin/env python3
"""Gives every number of a deck hostile values and wants a plain answer: exit status 0, 2 or 3, soon, without a signal.
A run may also diverge (4), and may compute as long as it is let.

Integer and real keys come from `aureole info --json-schema`; every key is tried on all of the decks below that may have
it. Of all tries every 61st is made, or every AUREOLE_HOSTILE-th; 1: all.
"""
import json
import os
import re
import resource
import signal
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

A = os.environ.get('AUREOLE', 'aureole')
if '/' in A:
    A = os.path.abspath(A)  # before the change of folder
SECONDS = 5  # of processor time that one answer may take
MEMORY = 16 << 30  # bytes that one process may have mapped
STRIDE = int(os.environ.get('AUREOLE_HOSTILE', 61))
INTEGERS = ['0', '1', '-1', '2', '3', '7', '255', '256', '32767', '32768', '65535', '65536', '2147483647', '2147483648',
            '-2147483648', '4294967295', '4294967296', '4294967297', '9007199254740992', '9223372036854775807',
            '-9223372036854775808', '18446744073709551615', '18446744073709551616']
REALS = ['.nan', '.inf', '-.inf', '1e308', '-1', '0', '1e-320', '1', '-1e308', '4294967297', '1e19']

SGD = {'name': 'sgd', 'lr': 0.1, 'momentum': 0.9}
ADAM = {'name': 'adamw', 'lr': 0.001}
SYNTHETIC = {'kind': 'synthetic', 'samples': 8}


def deck(model, size=(32, 32), train=None, data=None, **sections):
    """A deck of made-up samples."""
    return dict({'name': 't', 'model': model, 'image': {'size': list(size), 'channels': 4},
                 'data': data or {'train': dict(SYNTHETIC), 'eval': dict(SYNTHETIC)},
                 'train': dict({'batch': 4, 'micro_batches': 2, 'steps': 1, 'optimizer': SGD, 'resume': 'never'},
                               **(train or {}))}, **sections)


LAYERS = [{'conv': {'filters': 4, 'kernel': [3, 3], 'stride': [1, 1], 'groups': 2}},
          {'batch_norm': {}}, {'relu': {}}, {'conv': {'filters': 4, 'kernel': 3, 'padding': 1}},
          {'instance_norm': {}}, {'leaky_relu': {}}, {'transposed_conv': {'filters': 8, 'kernel': 2, 'stride': 2}},
          {'group_norm': {'groups': 2}}, {'gelu': {}}, {'dropout': {}}, {'max_pool': {'kernel': 2}},
          {'layer_norm': {}}, {'avg_pool': {'kernel': [2, 2], 'stride': [2, 2]}}, {'upsample': {'scale': 2}},
          {'slice': {'axis': 'h', 'begin': 0, 'end': 16}}, {'slice': {'axis': 'c', 'begin': 1, 'end': 5}},
          {'linear': {'features': 4}}, {'upsample': {'scale': [2, 1], 'mode': 'linear'}}, {'global_pool': {}},
          {'flatten': {}}, {'linear': {'features': 3}}]
SMALL = [{'conv': {'filters': 4, 'kernel': 3, 'unit': True}}, {'conv': {'filters': 4, 'kernel': 3, 'unit': True}},
         {'conv': {'filters': 4, 'kernel': 3, 'unit': True}}, {'conv': {'filters': 2, 'kernel': 3, 'unit': True}}]
FILES = {'train': {'file': 'absent.h5', 'first': 0, 'count': 4, 'label_map': {'0': 1}},
         'normalize': {'kind': 'given', 'mean': [0.5], 'deviation': [0.5]}, 'augment': {'crop_pad': 1}, 'cache_limit': '1 MiB'}

DECKS = {
    'layers': deck({'name': 'layers', 'layers': LAYERS}, train={
        'loss': [{'name': 'softmax_cross_entropy', 'label_smoothing': 0.1, 'ignore_index': 255}], 'metrics': ['accuracy'],
        'schedule': {'name': 'step', 'milestones': [0.5], 'gamma': 0.1}, 'checkpoint': {'every': 1, 'keep': 1}}),
    'segmentation': deck({'name': 'unet', 'classes': 1, 'base': 4, 'levels': 2, 'norm': 'group', 'norm_groups': 2}, train={
        'loss': [{'name': 'bce_with_logits'}, {'name': 'dice'}], 'optimizer': ADAM, 'metrics': ['auroc', 'iou'],
        'schedule': {'name': 'polynomial', 'final_lr': 0}, 'eval_every': 1, 'eval_batches': 1, 'wall_time': '1 h'},
        memory={'limit': '1 GiB', 'recompute': 'cheap'}, output={'pictures': 1}),
    'volume': deck({'name': 'unet', 'classes': 2, 'base': 4, 'levels': 1, 'up': 'linear'}, (8, 8, 8),
                   train={'schedule': {'name': 'cosine', 'warmup_steps': 1}}),
    'resnet_cifar': deck({'name': 'resnet_cifar', 'depth': 8, 'classes': 3}, train={'epochs': 1}),
    'resnet': deck({'name': 'resnet', 'depth': 18, 'classes': 3}),
    'amoebanet': deck({'name': 'amoebanet', 'cells': 3, 'filters': 16, 'classes': 3}, (64, 64)),
    'files': deck({'name': 'layers', 'layers': SMALL}, data=FILES),
    'tiles': deck({'name': 'layers', 'layers': SMALL}, parallel={
        'spatial': {'tiles': [2, 2], 'row_boundaries': [16], 'column_boundaries': [16], 'halo': 'fused'}}),
    'pipeline': deck({'name': 'layers', 'layers': SMALL}, train={'batch': 8, 'micro_batches': 4}, parallel={
        'data': 2, 'stages': 4, 'chunks': 2, 'schedule': 'interleaved', 'local_data': 2, 'shard_optimizer': True}),
    'stage_tiles': deck({'name': 'layers', 'layers': SMALL}, parallel={
        'stages': 2, 'balance': [2, 2], 'spatial': {'stage_tiles': [4, 2], 'slice': 'horizontal'}}),
    'striped': deck({'name': 'layers', 'layers': SMALL}, parallel={
        'stages': 2, 'spatial': {'tiles': [2], 'slice': 'horizontal', 'stages': 1}}),
}


ON_ONE_RANK = ('layers', 'segmentation', 'volume', 'resnet_cifar')
GRIDS = ('files', 'stage_tiles', 'striped')  # decks whose networks others have too


def alternatives(schema):
    return [each for part in schema['anyOf'] for each in alternatives(part)] if 'anyOf' in schema else [schema]


def applies(section, key, value):
    """Whether a section of the schema may have the key beside the other values of `value`."""
    for condition in section.get('allOf', []):
        test = condition['if']
        forbidden = condition['then'].get('properties', {}).get(key, True) is False
        holds = all(value[name] in rule['enum'] if name in value else name not in test.get('required', [])
                    for name, rule in test['properties'].items())
        if forbidden and holds:
            return False
    return True


def keys_of(schema, value, path):
    """(path, kind of number, value in the deck) of every number that the deck may have; kinds: integer, number, padding."""
    parts = alternatives(schema)
    if any('same' in part.get('enum', []) for part in parts):
        yield path, 'padding', value
        return
    for part in parts:
        if part.get('type') in ('integer', 'number'):
            yield path, part['type'], value
        elif part.get('type') == 'array' and isinstance(value, list) and value and isinstance(value[0], dict):
            for i, item in enumerate(value):
                yield from keys_of(part['items'], item, path + [str(i)])
        elif part.get('type') == 'array' and not isinstance(value, dict):
            for _, kind, _ in keys_of(part['items'], None, path):
                yield path, kind + ' list', value
        elif part.get('type') == 'object' and 'properties' not in part and isinstance(part.get('additionalProperties'), dict):
            for _, kind, _ in keys_of(part['additionalProperties'], None, path):
                yield path, kind + ' map', value
        elif part.get('type') == 'object' and (isinstance(value, dict) or value is None):
            if 'layers' in path and len(part.get('properties', {})) == 1 and not set(part['properties']) & set(value or {}):
                continue  # another kind of layer
            for key, below in part.get('properties', {}).items():
                if applies(part, key, value or {}):
                    yield from keys_of(below, (value or {}).get(key), path + [key])


def overrides_of(path, kind, value, number):
    """Ways to write one number into the deck."""
    key = '.'.join(path)
    if kind == 'padding':
        return ['%s=%s' % (key, number), '%s=[[0, %s], [%s, 1]]' % (key, number, number)]
    if kind.endswith('map'):
        return ['%s={0: %s}' % (key, number), '%s={%s: 1}' % (key, number)]
    if not kind.endswith('list'):
        return ['%s=%s' % (key, number)]
    listed = value if isinstance(value, list) else [value]
    first, all_of_them = [number] + [str(each) for each in listed[1:]], [number] * len(listed)
    return ['%s=[%s]' % (key, ', '.join(items)) for items in ([first] if first == all_of_them else [first, all_of_them])]


def verbs_of(name):
    return [['check', '--no-data'] if name == 'files' else ['check'], ['plan']]


def tries():
    """Command lines of all tries, each once."""
    schema = json.loads(subprocess.run([A, 'info', '--json-schema'], stdout=subprocess.PIPE, check=True).stdout)
    found, reached = {}, set()
    for name, base in DECKS.items():
        with open(name + '.yaml', 'w') as file:
            json.dump(base, file)  # YAML holds JSON
        for path, kind, value in keys_of(schema, base, []):
            if name in GRIDS and path[0] == 'model':
                continue
            reached.add('.'.join(re.sub(r'^\d+$', '*', part) for part in path))
            for number in INTEGERS if kind == 'padding' or kind.startswith('integer') else REALS:
                for override in overrides_of(path, kind, value, number):
                    for verb in verbs_of(name):
                        found[tuple(verb + [name + '.yaml', override])] = None
                    if name in ON_ONE_RANK:
                        found['run', name + '.yaml', 'memory.limit=256 MiB', 'output.folder=runs/%d' % len(found), override] = None
    return list(found), reached


def limit():
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def fault_of(arguments):
    """What is wrong with the answer to a command line, or nothing."""
    try:
        done = subprocess.run([A, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=20 * SECONDS,
                              errors='replace', preexec_fn=limit)
    except subprocess.TimeoutExpired:
        return 'no answer'
    is_run = arguments[0] == 'run'
    if done.returncode in (0, 2, 3) or (is_run and done.returncode in (4, -signal.SIGXCPU, -signal.SIGKILL)):
        return None
    if done.returncode in (-signal.SIGXCPU, -signal.SIGKILL):
        return 'no answer in %d s' % SECONDS
    return 'exit status %d: %s' % (done.returncode, '\n'.join(done.stdout.strip().splitlines()[-1:])[:400])


def main():
    with tempfile.TemporaryDirectory(prefix='aureole-hostile-') as folder:
        os.chdir(folder)
        all_tries, reached = tries()
        chosen = all_tries[::STRIDE]
        for name in DECKS:
            done = subprocess.run([A, *verbs_of(name)[0], name + '.yaml'], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            if done.returncode != 0:
                sys.exit('the deck %s itself is not good: %s' % (name, done.stdout))
        faults = 0
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for arguments, fault in zip(chosen, pool.map(fault_of, chosen)):
                if fault:
                    faults += 1
                    print('aureole %s: %s' % (' '.join(arguments), fault), flush=True)
        os.chdir('/')
    print('%d keys, %d of %d tries, %d faults' % (len(reached), len(chosen), len(all_tries), faults))
    sys.exit(1 if faults else 0)


if __name__ == '__main__':
    main()
