"""Checks that teach: they run your function and, when it is wrong, say which well-known mistake it looks like.

    from ipa_tutorial.classroom import check_point_logits

    check_point_logits(point_logits)

A check prints ok, not yet or wrong, with the smallest input that shows it. It never raises, so that an unfinished
notebook runs to its end; with IPA_CHECK_STRICT=1 in the environment it raises :class:`CheckFailed`, for a grader.
``check_point_logits.examine(f)`` returns the :class:`Verdict` in place of printing it.
"""

from .attention import (
    check_attention_weights,
    check_expanded_logits,
    check_hide_strangers,
    check_one_product,
    check_point_logits,
    check_scalar_logits,
    check_split_pair_bias,
    check_split_points,
    check_split_scalars,
    check_weighted_sum,
)
from .collecting import (
    check_attend_pairs,
    check_attend_points,
    check_attend_scalars,
    check_concatenate_heads,
    check_point_norms,
)
from .constants import (
    check_inverse_softplus,
    check_point_weight,
    check_term_weight,
    check_weight_from_moments,
)
from .engine import (
    Check,
    CheckFailed,
    Verdict,
)
from .equivariance import (
    check_assert_equivariant,
)
from .folding import (
    check_backbone_loss,
    check_best_chain,
    check_offsets_of_chains,
    check_relative_positions,
)
from .frames import (
    check_apply,
    check_compose,
    check_compose_update,
    check_follow,
    check_inverse,
    check_invert_apply,
    check_quaternion_multiply,
    check_quaternion_to_rotation,
    check_rigid_from_3_points,
    check_shadows,
    check_update_quaternion,
    check_walk,
)
from .layouts import (
    check_into_a_row,
    check_take_apart,
)
from .losses import (
    check_clamp_some,
    check_fape,
    check_kabsch_rmsd,
    check_lddt,
    check_sights,
)
from .module import (
    check_attention,
    check_block,
    check_cut_out,
)
from .moving import (
    check_after_a_step,
    check_compose_groups,
    check_hang_frames,
    check_made_equivariant,
    check_place_atoms,
    check_turn_about_x,
)
from .numbers_by_hand import (
    check_test_of_point_logits,
)
from .own_tests import (
    check_test_of_a_full_mask,
    check_test_of_motions,
    check_test_of_padding,
)
from .pull import (
    check_pull_on_queries,
)
from .scalars import (
    check_ask,
    check_keys_and_values,
    check_without_one,
)
from .testing import (
    check_assert_invariant,
)
from .trained import (
    check_neighbour_head,
    check_reach,
    check_rename,
    check_step_in_rows,
)

__all__ = [
    "CHECKS",
    "Check",
    "CheckFailed",
    "Verdict",
    "check_after_a_step",
    "check_apply",
    "check_ask",
    "check_assert_equivariant",
    "check_assert_invariant",
    "check_attend_pairs",
    "check_attend_points",
    "check_attend_scalars",
    "check_attention",
    "check_attention_weights",
    "check_backbone_loss",
    "check_best_chain",
    "check_block",
    "check_clamp_some",
    "check_compose",
    "check_compose_groups",
    "check_compose_update",
    "check_concatenate_heads",
    "check_cut_out",
    "check_expanded_logits",
    "check_fape",
    "check_follow",
    "check_hang_frames",
    "check_hide_strangers",
    "check_into_a_row",
    "check_inverse",
    "check_inverse_softplus",
    "check_invert_apply",
    "check_kabsch_rmsd",
    "check_keys_and_values",
    "check_lddt",
    "check_made_equivariant",
    "check_neighbour_head",
    "check_offsets_of_chains",
    "check_one_product",
    "check_place_atoms",
    "check_point_logits",
    "check_point_norms",
    "check_point_weight",
    "check_pull_on_queries",
    "check_quaternion_multiply",
    "check_quaternion_to_rotation",
    "check_reach",
    "check_relative_positions",
    "check_rename",
    "check_rigid_from_3_points",
    "check_scalar_logits",
    "check_shadows",
    "check_sights",
    "check_split_pair_bias",
    "check_split_points",
    "check_split_scalars",
    "check_step_in_rows",
    "check_take_apart",
    "check_term_weight",
    "check_test_of_a_full_mask",
    "check_test_of_motions",
    "check_test_of_padding",
    "check_test_of_point_logits",
    "check_turn_about_x",
    "check_update_quaternion",
    "check_walk",
    "check_weight_from_moments",
    "check_weighted_sum",
    "check_without_one",
]

CHECKS: dict[str, Check] = {name: check for name, check in globals().items() if isinstance(check, Check)}
