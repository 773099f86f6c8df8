"""Every flag of PocketFlow's, with the values that it may have and its default there."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

Count = Annotated[int, Meta(ge=1, le=10**9)]
Number = Annotated[int, Meta(ge=0, le=10**9)]
Part = Annotated[float, Meta(ge=0, le=1)]
Kept = Annotated[float, Meta(gt=0, le=1)]
Gone = Annotated[float, Meta(ge=0, lt=1)]
Positive = Annotated[float, Meta(gt=0, le=10**9)]
Size = Annotated[float, Meta(ge=0, le=10**9)]
Bits = Annotated[int, Meta(ge=1, le=32)]


class Flags(Struct, frozen=True, kw_only=True):
    """Flags that belong together."""


class Training(Flags, frozen=True):
    """Of all learners; what is None depends on the network."""

    learner: str = "full-prec"
    exec_mode: Literal["train", "eval"] = "train"
    enbl_multi_gpu: bool = False
    nb_gpus: Count = 1
    enbl_warm_start: bool = False
    nb_epochs_rat: Annotated[float, Meta(gt=0, le=100)] = 1.0
    lrn_rate_init: Positive | None = None
    batch_size: Count | None = None
    batch_size_norm: Positive | None = None
    batch_size_eval: Count = 100
    momentum: Part = 0.9
    loss_w_dcy: Size | None = None
    nb_smpls_train: Count | None = None
    nb_smpls_val: Number = 5000
    nb_smpls_eval: Number = 10000
    nb_classes: Count | None = None
    resnet_size: Count | None = None
    mobilenet_version: Literal[1, 2] = 1
    mobilenet_depth_mult: Positive = 1.0
    summ_step: Count = 100
    save_step: Count = 10000
    save_path: str = "./models/model.ckpt"
    save_path_eval: str = "./models_eval/model.ckpt"
    model_http_url: str = ""
    data_disk: Literal["local", "hdfs"] = "local"
    data_hdfs_host: str = ""
    data_dir_local: str = ""
    data_dir_hdfs: str = ""
    data_dir_seven: str = ""
    data_dir_docker: str = ""
    log_dir: str = "./logs"
    debug: bool = False


class Distillation(Flags, frozen=True):
    """Of a teacher."""

    enbl_dst: bool = False
    loss_w_dst: Size = 4.0
    tempr_dst: Positive = 4.0
    save_path_dst: str = "./models_dst/model.ckpt"


class Agent(Flags, frozen=True):
    """Of the agent that chooses ratios and bits."""

    ddpg_tau: Part = 0.01
    ddpg_gamma: Part = 0.9
    ddpg_lrn_rate: Positive = 1e-3
    ddpg_loss_w_dcy: Size = 0.0
    ddpg_record_step: Count = 1
    ddpg_batch_size: Count = 64
    ddpg_enbl_bsln_func: bool = True
    ddpg_bsln_decy_rate: Part = 0.95
    ddpg_actor_depth: Count = 2
    ddpg_actor_width: Count = 64
    ddpg_critic_depth: Count = 2
    ddpg_critic_width: Count = 64
    ddpg_noise_type: Literal["action", "param"] = "param"
    ddpg_noise_prtl: Literal["adapt", "tdecy"] = "tdecy"
    ddpg_noise_std_init: Size = 1.0
    ddpg_noise_std_finl: Size = 1e-5
    ddpg_noise_dst_finl: Size = 1e-2
    ddpg_noise_adpt_rat: Positive = 1.03


class Channel(Flags, frozen=True):
    """Of `channel`."""

    cp_prune_option: Literal["uniform", "list", "auto"] = "auto"
    cp_prune_list_file: str = "ratio.list"
    cp_preserve_ratio: Kept = 0.5
    cp_uniform_preserve_ratio: Kept = 0.6
    cp_noise_tolerance: Size = 0.15
    cp_reward_policy: Literal["accuracy", "flops"] = "accuracy"
    cp_lrn_rate_ft: Positive = 1e-4
    cp_nb_iters_ft_ratio: Size = 0.2
    cp_finetune: bool = False
    cp_retrain: bool = False
    cp_list_group: Count = 1000
    cp_nb_rlouts: Count = 200
    cp_nb_rlouts_min: Count = 50
    cp_lasso: bool = True
    cp_quadruple: bool = False
    cp_nb_points_per_layer: Count = 10
    cp_nb_batches: Count = 30
    cp_channel_pruned_path: str = ""
    cp_best_path: str = ""
    cp_original_path: str = ""


class ChannelGpu(Flags, frozen=True):
    """Of `chn-pruned-gpu`."""

    cpg_prune_ratio: Gone = 0.5
    cpg_prune_ratio_type: Literal["uniform", "list"] = "uniform"
    cpg_prune_ratio_file: str = ""
    cpg_skip_ht_layers: bool = True
    cpg_lrn_rate_pgd_init: Positive = 1e-10
    cpg_lrn_rate_pgd_incr: Positive = 1.4
    cpg_lrn_rate_pgd_decr: Positive = 0.7
    cpg_lrn_rate_adam: Positive = 1e-2
    cpg_nb_iters_layer: Count = 1000
    cpg_save_path: str = ""
    cpg_save_path_eval: str = ""


class ChannelRmt(Flags, frozen=True):
    """Of `chn-pruned-rmt`."""

    cpr_prune_ratio: Gone = 0.5
    cpr_skip_frst_layer: bool = True
    cpr_skip_last_layer: bool = False
    cpr_skip_op_names: str = ""
    cpr_nb_smpls: Count = 5000
    cpr_nb_crops_per_smpl: Count = 10
    cpr_ista_lrn_rate: Positive = 1e-2
    cpr_ista_nb_iters: Count = 100
    cpr_lstsq_lrn_rate: Positive = 1e-3
    cpr_lstsq_nb_iters: Count = 100
    cpr_warm_start: bool = False
    cpr_save_path: str = ""
    cpr_save_path_eval: str = ""
    cpr_save_path_ws: str = ""


class Discriminating(Flags, frozen=True):
    """Of `dis-chn-pruned`."""

    dcp_prune_ratio: Gone = 0.5
    dcp_nb_stages: Annotated[int, Meta(ge=0, le=1000)] = 3
    dcp_lrn_rate_adam: Positive = 1e-3
    dcp_nb_iters_block: Count = 10000
    dcp_nb_iters_layer: Count = 500
    dcp_save_path: str = ""
    dcp_save_path_eval: str = ""


class Sparse(Flags, frozen=True):
    """Of `weight-sparse`."""

    ws_prune_ratio: Gone = 0.75
    ws_prune_ratio_prtl: Literal["uniform", "heurist", "optimal"] = "optimal"
    ws_prune_ratio_exp: Positive = 3.0
    ws_iter_ratio_beg: Part = 0.1
    ws_iter_ratio_end: Part = 0.5
    ws_mask_update_step: Annotated[float, Meta(ge=1, le=10**9)] = 500.0
    ws_nb_rlouts: Count = 200
    ws_nb_rlouts_min: Count = 50
    ws_reward_type: Literal["single-obj", "multi-obj"] = "single-obj"
    ws_lrn_rate_rg: Positive = 3e-2
    ws_nb_iters_rg: Count = 20
    ws_lrn_rate_ft: Positive = 3e-4
    ws_nb_iters_ft: Count = 400
    ws_nb_iters_feval: Count = 25
    ws_save_path: str = ""


class Uniform(Flags, frozen=True):
    """Of `uniform`."""

    uql_weight_bits: Bits = 4
    uql_activation_bits: Bits = 32
    uql_use_buckets: bool = False
    uql_bucket_type: Literal["channel", "split"] = "channel"
    uql_bucket_size: Count = 256
    uql_quant_epochs: Count = 60
    uql_quantize_all_layers: bool = False
    uql_enbl_rl_agent: bool = False
    uql_equivalent_bits: Bits = 4
    uql_nb_rlouts: Count = 200
    uql_w_bit_min: Bits = 2
    uql_w_bit_max: Bits = 8
    uql_tune_global_steps: Number = 2000
    uql_tune_layerwise_steps: Number = 100
    uql_tune_disp_steps: Count = 300
    uql_enbl_rl_global_tune: bool = True
    uql_enbl_rl_layerwise_tune: bool = False
    uql_enbl_random_layers: bool = True
    uql_tune_save_path: str = ""
    uql_save_quant_model_path: str = ""


class Codebook(Flags, frozen=True):
    """Of `non-uniform`."""

    nuql_weight_bits: Bits = 4
    nuql_activation_bits: Bits = 32
    nuql_init_style: Literal["quantile", "uniform"] = "quantile"
    nuql_opt_mode: Literal["weights", "clusters", "both"] = "weights"
    nuql_use_buckets: bool = False
    nuql_bucket_type: Literal["channel", "split"] = "split"
    nuql_bucket_size: Count = 256
    nuql_quant_epochs: Count = 60
    nuql_quantize_all_layers: bool = False
    nuql_enbl_rl_agent: bool = False
    nuql_equivalent_bits: Bits = 4
    nuql_nb_rlouts: Count = 200
    nuql_w_bit_min: Bits = 2
    nuql_w_bit_max: Bits = 8
    nuql_tune_global_steps: Number = 2101
    nuql_tune_layerwise_steps: Number = 100
    nuql_tune_disp_steps: Count = 300
    nuql_enbl_rl_global_tune: bool = True
    nuql_enbl_rl_layerwise_tune: bool = False
    nuql_enbl_random_layers: bool = True
    nuql_tune_save_path: str = ""
    nuql_save_quant_model_path: str = ""


class UniformTf(Flags, frozen=True):
    """Of `uniform-tf`."""

    uqtf_weight_bits: Bits = 8
    uqtf_activation_bits: Bits = 8
    uqtf_quant_delay: Number = 0
    uqtf_freeze_bn_delay: Number | None = None
    uqtf_lrn_rate_dcy: Positive = 1e-2
    uqtf_enbl_manual_quant: bool = False
    uqtf_save_path: str = ""
    uqtf_save_path_eval: str = ""
