"""Samplers: one algorithm per file, with one signature. From equal noise all draw equal pictures."""

from pixelart.sampling.cached import sample_cached as sample_cached
from pixelart.sampling.controls import Controls as Controls
from pixelart.sampling.controls import draw_noise as draw_noise
from pixelart.sampling.fixed_point import sample_fixed_point as sample_fixed_point
from pixelart.sampling.graphed import sample_graph as sample_graph
from pixelart.sampling.loop import Sample as Sample
from pixelart.sampling.naive import sample_naive as sample_naive
from pixelart.sampling.persistent import sample_persistent as sample_persistent
from pixelart.sampling.samplers import AUTO as AUTO
from pixelart.sampling.samplers import SAMPLERS as SAMPLERS
from pixelart.sampling.samplers import check_sampler as check_sampler
from pixelart.sampling.samplers import pick_sampler as pick_sampler
