"""How much is tried when: see the markers in pyproject.toml."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

TRAINING = (
    "training/",
    "jobs/test_survival",
    "benchmarks/test_train_all",
    "benchmarks/test_mnist",
    "benchmarks/test_enlarge_rules",
    "benchmarks/test_finetune",
    "cli/test_evaluate",
    "cli/test_train",
    "engine/test_enlarging",
    "models/test_registry",
    "browser/test_train",
)
"""Files of tests, by what their paths begin with, of which many train: here, or in processes of their own."""

IN_CI: Mapping[str, tuple[str, ...]] = {
    "benchmarks/test_quality.py": ("test_quality_counts_what_is_drawn",),
    "browser/test_access.py": (
        "test_the_arrow_keys_move_a_cursor",
        "test_every_control_has_a_name",
        "test_palette_colours_are_clicked",
        "test_two_fingers_undo",
        "test_keys_mask_and_unmask",
        "test_the_canvas_is_large_and_nothing_scrolls_sideways[1280]",
        "test_the_canvas_is_large_and_nothing_scrolls_sideways[390]",
    ),
    "browser/test_browser.py": (
        "test_an_exact_mask_is_completed_by_the_real_model",
        "test_mask_unmask_shift_mirror_invert_and_clear",
        "test_pencil_eraser_fill_pick_and_brush_sizes",
        "test_undo_and_redo",
        "test_rows_appear_then_results",
        "test_stop_keeps_the_rows",
        "test_a_phone_has_no_sideways_scroll",
        "test_the_canvas_and_all_results_are_downloaded",
        "test_every_item_of_the_toolbar",
    ),
    "browser/test_enlarge_button.py": ("test_the_canvas_grows_with_the_result",),
    "browser/test_inspect.py": ("test_the_map_lies_over_the_picture", "test_on_a_phone"),
    "browser/test_kept_train.py": (),
    "browser/test_kept_work.py": (
        "test_a_reload_loses_nothing",
        "test_work_is_stored_while_the_page_is_open",
        "test_a_stroke_right_before_a_reload",
        "test_a_closed_tab_comes_back",
    ),
    "browser/test_limits.py": (),
    "browser/test_modules.py": (),
    "browser/test_replicas.py": (),
    "browser/test_own_art.py": (
        "test_a_completion_uses_the_artists_colours",
        "test_an_imported_sprite_keeps_every_colour",
        "test_another_model_keeps_results",
    ),
    "browser/test_page_for_artists.py": (
        "test_every_text_can_be_read[Create-light]",
        "test_every_text_can_be_read[Train-dark]",
        "test_after_the_canvas_the_tab_key",
        "test_fingers_find_every_button",
        "test_nothing_lies_over_the_buttons",
    ),
    "browser/test_push_and_load.py": ("test_an_artist_pushes_a_model_and_sees_where_it_is[1280]",),
    "browser/test_results.py": (
        "test_one_click_completes_the_first_view_and_three_export_it[390-844]",
        "test_results_are_shown_in_place",
        "test_own_sprites_take_four_clicks",
    ),
    "browser/test_styles.py": (),
    "browser/test_train.py": ("test_an_artist_trains",),
    "browser/test_turns.py": (
        "test_one_stop_ends_what_is_drawn",
        "test_two_visitors_at_once",
        "test_an_error_keeps_strokes_painted_since_the_press[3]",
    ),
    "benchmarks/test_mnist.py": (
        "test_every_variant_for_two_levels_is_trained_and_told[static]",
        "test_training_learns",
    ),
    "benchmarks/test_gpu.py": ("test_the_command_ends",),
    "checkpoint/test_dungeon_gated.py": ("test_a_picture_does_not_depend_on_the_batch",),
    "cli/test_common.py": ("test_names_outside_the_encoding_are_printed_as_marks[cp437]",),
    "cli/test_sets.py": (),
    "compression/test_archive.py": ("test_other_kernels_read_the_same[1-True]",),
    "engine/test_drawing_limits.py": (),
    "engine/test_faults.py": (),
    "engine/test_second_device.py": (
        "test_a_completion_is_the_same",
        "test_a_picture_is_judged",
        "test_every_question_has_the_same_answer[row_rnn]",
    ),
    "hub/remote/test_training.py": ("test_a_training_survives_its_machine",),
    "hub/test_killed.py": (),
    "hub/test_programs.py": ("test_what_was_pushed_draws_the_same",),
    "jobs/test_survival.py": ("test_a_killed_server_leaves_no_child",),
    "models/test_compiled.py": (),
    "models/test_contract.py": ("test_causality", "test_probabilities"),
    "sampling/test_persistent.py": (),
    "sampling/test_second_device.py": (),
    "system/test_streams.py": (
        "test_a_port_that_is_taken_is_told_in_one_line",
        "test_ctrl_c_at_any_moment_ends_without_a_traceback[2.0]",
    ),
    "test_container.py": (),
    "test_devices.py": (),
    "test_package.py": ("test_the_command_works_from_any_folder",),
    "test_shutdown.py": ("test_told_to_end_while_it_is_idle",),
    "test_space.py": ("test_it_starts_without_network", "test_on_zero_gpu"),
    "training/data/test_picture_store.py": (),
    "training/data/test_survey.py": (),
    "training/test_autotune.py": ("test_a_run_computes_as_is_fastest",),
    "training/test_distributed.py": ("test_two_processes",),
    "training/test_second_device.py": (
        "test_every_variant_learns_in_bfloat16",
        "test_a_base_is_tuned_and_exported",
        "test_a_continued_run",
    ),
    "training/test_resume.py": (
        "test_stopped_at_steps_of_ten",
        "test_killed_at_random_moments",
        "test_told_to_end_it_saves",
    ),
    "ui/security/test_memory_budget.py": (
        "test_what_the_app_leans_on_in_gradio_is_there",
        "test_more_pictures_than_a_page_may_keep",
    ),
    "ui/test_api.py": ("test_completions_over_http", "test_generate_brings_png"),
    "ui/test_kept.py": ("test_a_session_keeps_no_more",),
}
"""Files whose slow tests CI leaves to a release, but for those whose names begin so."""


def a_long(*values: Any) -> Any:
    """A parameter of which the test is for a release alone."""
    return pytest.param(*values, marks=pytest.mark.long)


def mark(item: pytest.Item, path: str) -> None:
    """Give a test of the file `path` the marks that whole files have; other marks are in the code."""
    if path.startswith(TRAINING):
        item.add_marker(pytest.mark.trains)
    if path.startswith("browser/"):
        item.add_marker(pytest.mark.slow)
    if item.get_closest_marker("slow") and not item.name.startswith(IN_CI.get(path, ("",))):
        item.add_marker(pytest.mark.release)
