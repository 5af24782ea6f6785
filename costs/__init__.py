"""What the stack costs: sourced prices and a pure model over the stack's own resources.

`model.estimate(resources, assumptions, prices)` is the way in. Nothing here imports Pulumi, so the policy
pack, the operator's tool and the tests all read the same sums.
"""
