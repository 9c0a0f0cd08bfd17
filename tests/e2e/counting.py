"""Counts the images that go through models during a run, by the stage that was told last."""

import collections

import torch

from auditlens.stages.progress import Silent

BESIDE = "beside the stages"


class Counting(Silent):
    """Images that went through the outermost module, by stage; a progress display and a context at once."""

    def __init__(self):
        self.last, self.depth, self.counts = "loading", 0, collections.Counter()

    def stage(self, name, total):
        self.last = name

    def done(self, note=""):
        self.last = BESIDE

    def __enter__(self):
        hooks = torch.nn.modules.module
        self.handles = [
            hooks.register_module_forward_pre_hook(self.before),
            hooks.register_module_forward_hook(self.after, always_call=True),
        ]
        return self

    def __exit__(self, *_):
        for handle in self.handles:
            handle.remove()

    def before(self, module, inputs):
        learned = next(module.parameters(), None) is not None  # a transform of images has none
        if self.depth == 0 and learned:
            self.counts[self.last] += len(inputs[0])
        self.depth += 1

    def after(self, module, inputs, output):
        self.depth -= 1
