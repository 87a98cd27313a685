"""Stage models: their origin, their roles, and what they suggest for a log."""

from __future__ import annotations

import pandas as pd
import pytest

import cx_widgets as cx
from cx_widgets import presets

# What a reader would expect of each name, stage by stage.
EXPECTED = {
    "Awareness": """
        display_ad social_ad video_ad influencer_post press_article ad_impression banner_click
        email_open email_click newsletter_open push_received sms_sent campaign_a promo_page home
        landing_page session_start first_visit paid_social coupon_sent referral_visit SocialPost
    """,
    "Consideration": """
        product_page product_view search search_organic search_paid category_view catalog
        filter_results page_view ViewContent sign_up newsletter_signup CompleteRegistration
        recommendation_clicked blog_read download_brochure
    """,
    "Evaluation": """
        add_to_cart AddToCart basket_add view_cart cart wishlist_add compare compare_products
        checkout_started begin_checkout InitiateCheckout shipping_details payment_details
        review_read review_page pricing_page trial_started demo_request purchase_button_click
        order_form_opened quote_requested
    """,
    "Purchase": "order ticket_purchase checkout_completed subscription_started in-store/purchase",
    "Experience": """
        support_ticket support_chat support_call nps_survey survey csat delivery order_shipped
        order_delivered order_tracking how_to_video onboarding_done feature_used feedback_given
    """,
    "Repurchase": "reorder subscription_renewed second_order repeat-purchase contract.renewal",
    "Loyalty programme": """
        coupon_redeemed points_redeemed loyalty_card_used rewards_viewed club_joined vip_upgrade
    """,
    "Advocacy": """
        referral_sent invite_friend review_written write_review social_share rating_submitted
        testimonial
    """,
    None: """
        cart_abandoned remove_from_cart order_cancelled payment_failed payment_error error_page
        refund unsubscribed account_page app_login order_history payment_success x 123 click
    """,
}
CASES = [(event, stage) for stage, events in EXPECTED.items() for event in events.split()]


def log_of(*events):
    frame = pd.DataFrame({"who": range(len(events)), "at": "2024-01-01", "what": list(events)})
    return cx.EventLog(frame, customer="who", time="at", event="what")


def suggested(preset):
    return {event: stage.name for stage in preset.definition for event in stage.events}


@pytest.fixture(scope="module")
def everything():
    return log_of(*(event for event, _ in CASES))


@pytest.mark.parametrize("name", presets.names())
def test_every_preset_comes_empty_with_a_title_and_one_sentence_of_origin(name):
    preset = presets.get(name)
    assert preset.key == name
    assert preset.title
    assert preset.origin.endswith(".")
    assert ". " not in preset.origin.replace("E. St.", "").replace("St. Elmo", "")
    assert all(stage.events == () for stage in preset.definition)
    assert getattr(presets, name)() == preset


@pytest.mark.parametrize(
    ("name", "roles"),
    [
        (
            "consumer_decision_journey",
            {
                "Consider": "consider",
                "Evaluate": "evaluate",
                "Buy": "buy",
                "Enjoy": "enjoy",
                "Advocate": "advocate",
                "Bond": "bond",
            },
        ),
        ("aida", {"Awareness": "aware", "Interest": "consider", "Desire": "evaluate", "Action": "buy"}),
        ("buying_cycle", {"Awareness": "aware", "Consideration": "consider", "Decision": "buy"}),
        (
            "buyer_journey",
            {
                "Awareness": "aware",
                "Consideration": "consider",
                "Evaluation": "evaluate",
                "Purchase": "buy",
                "Experience": "enjoy",
                "Repurchase": "buy",
                "Loyalty programme": "bond",
                "Advocacy": "advocate",
            },
        ),
        ("discovery_insight_adoption", {"Discovery": "aware", "Insight": "evaluate", "Adoption": "buy"}),
    ],
)
def test_every_stage_of_a_preset_has_its_role(name, roles):
    definition = presets.get(name).definition
    assert {stage: definition.role(stage) for stage in definition.names} == roles
    assert list(definition.names) == list(roles)


@pytest.mark.parametrize(("event", "stage"), CASES)
def test_an_event_is_suggested_where_its_name_says(everything, event, stage):
    assert suggested(presets.buyer_journey(everything)).get(event) == stage


@pytest.mark.parametrize("name", presets.names())
def test_each_event_is_suggested_at_most_once_and_the_definition_fits_the_log(name, everything):
    definition = presets.get(name, everything).definition
    held = [event for stage in definition for event in stage.events]
    assert len(held) == len(set(held))
    assert set(held) <= set(everything.event_names)
    assert definition.problems(everything) == ()


def test_a_model_with_fewer_stages_joins_or_leaves_out_what_it_has_no_stage_for(everything):
    journey = suggested(presets.buyer_journey(everything))
    cycle = suggested(presets.buying_cycle(everything))
    assert {cycle[event] for event, stage in journey.items() if stage == "Evaluation"} == {"Consideration"}
    assert {cycle[event] for event, stage in journey.items() if stage == "Repurchase"} == {"Decision"}
    assert not {event for event, stage in journey.items() if stage == "Advocacy"} & set(cycle)


def test_payments_are_the_purchase_only_where_no_order_is_named():
    assert suggested(presets.aida(log_of("payment_success", "checkout_started"))) == {
        "checkout_started": "Desire",
        "payment_success": "Action",
    }
    assert suggested(presets.aida(log_of("payment_success", "order_placed"))) == {"order_placed": "Action"}


def test_baskets_are_the_purchase_only_where_nothing_else_is():
    retail = log_of("basket_grocery", "basket_fuel", "campaign_a", "coupon_redeemed")
    assert suggested(presets.consumer_decision_journey(retail)) == {
        "campaign_a": "Consider",
        "basket_fuel": "Buy",
        "basket_grocery": "Buy",
        "coupon_redeemed": "Bond",
    }
    assert suggested(presets.aida(log_of("basket_page", "basket_grocery", "purchase"))) == {
        "basket_grocery": "Desire",
        "basket_page": "Desire",
        "purchase": "Action",
    }


def test_of_the_steps_of_one_order_one_is_suggested():
    assert suggested(presets.aida(log_of("order_created", "order_paid", "order_confirmed"))) == {
        "order_confirmed": "Action"
    }
    assert suggested(presets.aida(log_of("order", "order_confirmed"))) == {"order": "Action"}
    both = log_of("online_order_placed", "store_order_placed")
    assert set(suggested(presets.aida(both))) == {"online_order_placed", "store_order_placed"}


def test_the_generated_shop_is_staged_as_it_was_made():
    shop = cx.datasets.shop(seed=1, customers=300)
    log = shop.log()
    found = suggested(presets.consumer_decision_journey(log))
    truth = {event: stage.name for stage in shop.definition() for event in stage.events}
    # Who logs in or opens a newsletter may be anybody; a name alone cannot tell.
    agreed = {event for event in found if found[event] == truth.get(event)}
    assert {"order", "delivery", "support_call", "compare_products", "review_read"} <= agreed


def test_an_empty_log_gets_empty_stages():
    frame = pd.DataFrame({"who": [], "at": [], "what": []})
    log = cx.EventLog(frame, customer="who", time="at", event="what")
    assert presets.aida(log) == presets.aida()


def test_strange_names_are_no_trouble():
    log = log_of("<script>", "\u0637\u0644\u0628", "\U0001f6d2", "ORDER", "__", "x" * 500)
    assert suggested(presets.aida(log)) == {"ORDER": "Action"}


def test_a_preset_shows_itself():
    preset = presets.aida()
    assert repr(preset) == "AIDA funnel: Awareness, Interest, Desire, Action"
    assert preset.origin in preset._repr_html_().replace("&#x27;", "'")
    assert "<table>" in preset._repr_html_()


def test_html_of_suggestions_is_escaped():
    assert "<script>" not in presets.aida(log_of("<script>order</script>"))._repr_html_()
