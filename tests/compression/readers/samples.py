"""Files of Distiller's and Mayo's that are trees: together they say most of what can be said."""

from compression.readers import Like
from tests.compression.readers.running import CONV, TIMES, schedule

MASKS = """version: 1
pruners:
  low: {class: AutomatedGradualPruner, initial_sparsity: 0.05, final_sparsity: 0.5,
        weights: [module.layer1.0.conv1.weight, module.layer1.0.conv2.weight]}
  sens: {class: SensitivityPruner, sensitivities: {module.layer2.0.conv1.weight: 0.5}}
  back: {class: SplicingPruner, low_thresh_mult: 0.9, hi_thresh_mult: 1.1,
         sensitivity_multiplier: 0.1, sensitivities: {module.layer2.0.conv2.weight: 0.5}}
  rnn: {class: BaiduRNNPruner, q: 0.1, ramp_epoch_offset: 1, ramp_slope_mult: 2.0,
        weights: [module.layer2.1.conv1.weight]}
  rank:
    class: L1RankedStructureParameterPruner_AGP
    group_type: Blocks
    kwargs: {block_shape: [1, 8, 1, 1]}
    initial_sparsity: 0.1
    final_sparsity: 0.5
    weights: [module.layer3.1.conv1.weight]
  drawn: {class: RandomLevelStructureParameterPruner, group_type: Filters,
          sparsity_range: [0.1, 0.5], weights: [module.layer3.2.conv1.weight]}
policies:
  - {pruner: {instance_name: low, args: {mask_on_forward_only: true}}, starting_epoch: 0,
     ending_epoch: 2, frequency: 1}
  - {pruner: {instance_name: sens}, epochs: [0, 1]}
  - {pruner: {instance_name: back, args: {mini_batch_pruning_frequency: 2}}, epochs: [0, 1, 3]}
  - {pruner: {instance_name: rnn}, starting_epoch: 0, ending_epoch: 4, frequency: 2}
  - {pruner: {instance_name: rank}, starting_epoch: 0, ending_epoch: 2, frequency: 1}
  - {pruner: {instance_name: drawn}, epochs: [1, 2]}
"""
PRESSED = """version: 1
pruners:
  all: {class: MagnitudeParameterPruner, thresholds: {'*': 0.1}}
  level: {class: SparsityLevelParameterPruner, levels: {module.layer1.0.conv1.weight: 0.5}}
regularizers:
  l1: {class: L1Regularizer, reg_regims: {module.layer2.0.conv1.weight: 0.001}}
  gl: {class: GroupLassoRegularizer, threshold_criteria: Mean_Abs,
       reg_regims: {module.layer2.1.conv1.weight: [0.0001, 3D]}}
lr_schedulers:
  steps: {class: MultiStepLR, milestones: [1, 2], gamma: 0.1}
  gammas: {class: MultiStepMultiGammaLR, milestones: [1, 2], gammas: [0.1, 0.2]}
  step: {class: StepLR, step_size: 3}
  cos: {class: CosineAnnealingLR, T_max: 10, eta_min: 0.001}
  warm: {class: CosineAnnealingWarmRestarts, T_0: 2, T_mult: 2}
  flat: {class: ReduceLROnPlateau, mode: max, factor: 0.2, patience: 3, threshold_mode: abs}
extensions:
  thin: {class: FilterRemover, thinning_func_str: remove_filters, arch: a, dataset: d}
policies:
  - {pruner: {instance_name: level, args: {levels: {module.layer1.0.conv1.weight: 0.4}}},
     epochs: [0]}
  - {pruner: {instance_name: level}, epochs: [1, 2]}
  - {regularizer: {instance_name: gl, args: {keep_mask: true}}, starting_epoch: 0,
     ending_epoch: 4, frequency: 2}
  - {lr_scheduler: {instance_name: steps}, starting_epoch: 0, ending_epoch: 5, frequency: 1}
  - {lr_scheduler: {instance_name: flat}, epochs: [5, 6]}
  - {extension: {instance_name: thin}, epochs: [3]}
"""
ROUNDED = """version: 1
quantizers:
  pact: {class: PACTQuantizer, bits_activations: 8, bits_weights: 4, act_clip_init_val: 6.0,
         act_clip_decay: 0.01, overrides: {conv1: {bits_weights: 8, bits_activations: null}}}
policies:
  - {quantizer: {instance_name: pact}, starting_epoch: 0, ending_epoch: 1, frequency: 1}
"""
LINEAR = """version: 1
quantizers:
  lin: {class: QuantAwareTrainRangeLinearQuantizer, bits_activations: 8, bits_weights: 4,
        mode: {activations: ASYMMETRIC_UNSIGNED, weights: SYMMETRIC}, ema_decay: 0.99,
        num_bits_inputs: 8}
policies:
  - {quantizer: {instance_name: lin}, starting_epoch: 0, ending_epoch: 1, frequency: 1}
"""
AFTER = """version: 1
quantizers:
  post: {class: PostTrainLinearQuantizer, bits_activations: 8, bits_parameters: 8, mode: SYMMETRIC,
         clip_acts: AVG, per_channel_wts: true}
"""
CHAINS = """_overrider:
  weights:
    prune: {type: mayo.override.DynamicNetworkSurgeryPruner, alpha: 0.5, _priority: 100}
    grid: {type: mayo.override.FixedPointQuantizer, width: 6, point: 1, _priority: 50}
model.layers.conv0:
  overrider:
    weights: $(_overrider.weights)
    activation: {a: {type: mayo.override.DGQuantizer, width: 8, overflow_rate: 0.01}}
model.layers.logits:
  overrider:
    weights:
      t:
        type: mayo.override.Recentralizer
        quantizer: {type: mayo.override.FloatingPointQuantizer, width: 5, mantissa_width: 2,
                    exponent_bias: 3}
        mean_quantizer: {type: mayo.override.FixedPointQuantizer, width: 8, point: 1}
    gradient: {weights: {g: {type: mayo.override.ShiftQuantizer, width: 4, overflow_rate: 0.1}}}
model.layers.conv2.overrider.weights:
  inq: {type: mayo.override.IncrementalQuantizer, interval: 0.25,
        quantizer: {type: mayo.override.LogQuantizer, width: 4, point: 2}}
model.layers.block.layers.point.overrider:
  weights: {k: {type: mayo.override.FilterPruner, density: 0.3}}
model.layers.conv1.overrider:
  biases: {t: {type: mayo.override.ThresholdPruner, threshold: 0.1}}
  weights: {t: {type: mayo.override.TernaryQuantizer, base: 1, scale: 0.5}}
"""
TRAINER = """system: {batch_size_per_gpu: 128, max_epochs: 20}
train:
  learning_rate: {type: tensorflow.train.exponential_decay, _initial: !arith 0.1 * math.sqrt(4),
                  learning_rate: 0.1, decay_steps: 30, decay_rate: 0.16, staircase: true}
  optimizer: {type: tensorflow.train.MomentumOptimizer, momentum: 0.9}
  moving_average_decay: 0.999
search:
  mode: global
  cost_key: macs
  max_epochs: {profile: 1, fine_tune: 2}
  accuracy: {baseline: 0.9, tolerance: 0.01}
  variables: {'conv0/.*width': {from: 8, to: 2, step: -1, min_step: 1}}
"""
OTHERS = """model.layers.conv1.overrider.activation:
  slim: {type: mayo.override.NetworkSlimmer, density: 0.6, weight: 0.02, global_threshold: false}
model.layers.block.layers.point.overrider.weights:
  rank: {type: mayo.override.LowRankApproximation, ranks: 6}
model.layers.conv2.gate_params: {policy: parametric, density: 0.5, factor: 0.1, regularizer: l1}
train.learning_rate: {type: tf.train.FUNCTION, learning_rate: 0.4, ARGS}
"""
FALLING = {
    "inverse_time_decay": "decay_steps: 2.5, decay_rate: 2, staircase: true",
    "natural_exp_decay": "decay_steps: 2.5, decay_rate: 2",
    "polynomial_decay": "decay_steps: 8, end_learning_rate: 0.1, power: 2",
    "cosine_decay": "decay_steps: 8.5, alpha: 0.1",
    "cosine_decay_restarts": "first_decay_steps: 3, t_mul: 2, alpha: 0.5",
    "piecewise_constant": "boundaries: [2, 5], values: [0.4, 0.1, 0.05]",
}
TREES: dict[Like, list[str]] = {
    "distiller": [MASKS, PRESSED, ROUNDED, LINEAR, AFTER],
    "mayo": [
        CHAINS,
        TRAINER,
        *(OTHERS.replace("FUNCTION", name).replace("ARGS", args) for name, args in FALLING.items()),
    ],
}
"""By dialect, files that are trees."""


def policy_at(reference: str = "instance_name: low", times: str = TIMES) -> str:
    """A pruner, and a policy that refers to it and is told its times."""
    args = f"initial_sparsity: 0.05, final_sparsity: 0.5, weights: [{CONV}]"
    return (
        f"pruners:\n  low: {{class: AutomatedGradualPruner, {args}}}\n"
        f"policies:\n  - {{pruner: {{{reference}}}, {times}}}\n"
    )


def pruned(args: str) -> str:
    kind = f"L1RankedStructureParameterPruner_AGP, group_type: Filters, weights: [{CONV}]"
    return schedule("pruners", f"{kind}, {args}")


def scheduled(scheduler: str) -> str:
    return schedule("lr_schedulers", scheduler)
