"""The shipped tests that are not run, each with its reason: a private detail of Keras."""

LEFT_OUT = {
    "attention_test::test_attention_calculate_score_mask_no_causal_no_vmask": (
        "calls Keras's private `_calculate_score_mask`"
    ),
    "attention_test::test_attention_calculate_score_mask_with_causal_and_vmask": (
        "calls Keras's private `_calculate_score_mask`"
    ),
    "attention_test::test_attention_calculate_score_mask_with_causal_no_vmask": (
        "calls Keras's private `_calculate_score_mask`"
    ),
    "attention_test::test_attention_calculate_scores_with_scale": (
        "calls Keras's private `_calculate_scores`"
    ),
    "bidirectional_test::test_fused_gru_eligibility": (
        "asks Keras's private `_can_attempt_fused_gru` when its own fused kernel would run"
    ),
    "bidirectional_test::test_fused_lstm_eligibility": (
        "asks Keras's private `_can_attempt_fused_lstm` when its own fused kernel would run"
    ),
    "multi_head_attention_test::test_causal_only_skipped_for_subclass": (
        "overrides Keras's private `_compute_attention`"
    ),
    "multi_head_attention_test::"
    "test_compute_attention_combines_causal_and_explicit_mask_fused_fallback": (
        "calls Keras's private `_compute_attention`"
    ),
    "multi_head_attention_test::"
    "test_compute_attention_combines_causal_and_explicit_mask_manual_path": (
        "calls Keras's private `_compute_attention`"
    ),
    "multi_head_attention_test::test_flash_attention_with_errors": (
        "wants Keras's wording where our error also names what was received and how to mend it"
    ),
    "multi_head_attention_test::test_sliding_window_serialization": (
        "reads Keras's private `_sliding_window`; the argument survives in our configuration"
    ),
}
